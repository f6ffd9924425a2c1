import Manifests
import OctoModel

extension NetworkPrecision {
    /// The precision that a manifest asks for.
    ///
    /// OctoModel has its own, as it knows no robot and no manifest: here, and nowhere else, one becomes the other.
    package init(_ precision: Manifest.Policy.Precision) {
        self =
            switch precision {
            case .float32: .float32
            case .bfloat16: .bfloat16
            case .int8: .int8
            }
    }
}

extension ActionStatistics.Normalization {
    /// The normalisation that a manifest asks for.
    ///
    /// OctoModel has its own, as it knows no robot and no manifest: here, and nowhere else, one becomes the other.
    package init(_ normalization: Manifest.Policy.Normalization) {
        self =
            switch normalization {
            case .normal: .normal
            case .bounds: .bounds
            }
    }
}
