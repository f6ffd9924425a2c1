import Bus
import Manifests

extension RunDescription {
    /// Who may come in where the run's processes listen at ports.
    package var busSecurity: BusSecurity { manifest.bus.isInsecure ? .insecure : .userKeys }
}
