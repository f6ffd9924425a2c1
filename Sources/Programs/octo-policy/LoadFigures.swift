import Foundation
import JSONTree
import OctoModel
import Time

/// Figures of what a checkpoint costs in memory and time until it can run, measured on this machine; T5 apart from the
/// rest, as only texts need it.
struct LoadFigures {
    /// Bytes of the parameters that are kept, as float32.
    let keptBytes: Int
    let keptSeconds: Double
    /// Cost of the text encoder, which is read for each text and not kept; nil for a checkpoint that takes no text.
    let textEncoder: (bytes: Int, seconds: Double)?

    /// Loads the network, and encodes one text.
    init(_ checkpoint: Checkpoint) throws {
        let model = checkpoint.description
        let start = MonotonicTime.now()
        let network = try OctoNetwork(checkpoint)
        let loaded = MonotonicTime.now()
        keptBytes = 4 * model.parameterCountWithoutT5
        keptSeconds = (loaded - start).inMilliseconds / 1000
        guard let length = model.textLength else {
            textEncoder = nil
            return
        }
        let text = TokenizedText(
            ids: (0..<length).map { $0 == 0 ? 1 : 0 }, attentionMask: (0..<length).map { $0 == 0 })
        _ = try network.prepare(TaskInput(text: text))
        let encoded = MonotonicTime.now()
        textEncoder = (
            4 * (model.parameterCount - model.parameterCountWithoutT5), (encoded - loaded).inMilliseconds / 1000
        )
    }

    var text: String {
        func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
        func seconds(_ seconds: Double) -> String { String(format: "%.3f s", seconds) }
        let encoder =
            textEncoder.map {
                "\(megabytes($0.bytes)) of T5, read for each text in \(seconds($0.seconds)) and not kept"
            } ?? "none"
        return """
            memory          \(megabytes(keptBytes)) of parameters, loaded in \(seconds(keptSeconds))
            text encoder    \(encoder)
            """
    }

    var json: JSONNode {
        .object([
            "parameter_bytes": JSONNode(keptBytes), "seconds": JSONNode(number: keptSeconds),
            "t5_bytes": textEncoder.map { JSONNode($0.bytes) } ?? nil,
            "t5_seconds": textEncoder.map { JSONNode(number: $0.seconds) } ?? nil,
        ])
    }
}
