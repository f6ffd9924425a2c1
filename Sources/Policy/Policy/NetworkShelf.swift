import OctoModel

/// The networks of one process, so that runs with the same checkpoint have one copy of its weights. Those that nobody
/// uses any more are let go of.
package final class NetworkShelf {
    /// What makes two networks have the same weights.
    struct Place: Hashable {
        /// Folder of the checkpoint as it was given.
        var folder: String
        var step: Int
        /// Cameras of the checkpoint whose tokens are left out.
        var leftOut: [String]
        var precision: NetworkPrecision
    }

    private struct Holder {
        weak var network: FastNetwork?
    }

    /// All that share the weights of a place.
    private var networks: [Place: [Holder]] = [:]

    package init() {}

    /// How many copies of weights there are.
    package var count: Int { networks.values.count { $0.contains { $0.network != nil } } }

    /// A network with the weights of that place, made if there are none.
    func network(at place: Place, made: () throws -> FastNetwork) rethrows -> FastNetwork {
        networks = networks.mapValues { $0.filter { $0.network != nil } }.filter { !$0.value.isEmpty }
        let known = networks[place]?.lazy.compactMap(\.network).first
        let network = try known?.sharingWeights() ?? made()
        networks[place, default: []].append(Holder(network: network))
        return network
    }
}
