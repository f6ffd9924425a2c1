import Manifests
import OctoModel
import Policy
import Time

/// The networks of all robots, one copy of the weights for those that ask for the same.
struct ServedEngines {
    /// There is no room for another checkpoint.
    struct Full: Error, CustomStringConvertible {
        let loaded: [String]
        var description: String {
            "loading a checkpoint: found \(loaded.count) in use here (\(loaded.joined(separator: ", "))), expected at "
                + "most \(ServedEngines.mostCheckpoints). End the robots of one, or have this one ask for the same."
        }
    }

    /// What makes two robots have the same weights.
    private struct Place: Hashable {
        var checkpoint: String
        var step: Int?
        var precision: Manifest.Policy.Precision
        /// What a robot lacks is left out of the network.
        var cameras: [String]
    }

    /// Keeps the weights of a place, whoever of its robots leaves first.
    private struct Keeper {
        let place: Place
        let engine: PolicyEngine
        let name: String
        /// Since when nobody uses it; nil: somebody does.
        var unusedSince: MonotonicTime?
    }

    /// Copies of weights at once.
    static let mostCheckpoints = 2
    /// How long weights are kept for a robot that comes again.
    private static let patience = Duration.seconds(600)

    private let networks = NetworkShelf()
    private var engines: [ServeBench.Ticket: (place: Place, engine: PolicyEngine)] = [:]
    private var keepers: [Keeper] = []

    init() {}

    /// Loads what a robot asks for, and runs it once: the first inference is slow.
    /// - Throws: `Full`, and what `LoadedPolicy` throws.
    mutating func load(
        _ policy: Manifest.Policy, _ hello: RemoteHello, for ticket: ServeBench.Ticket
    ) throws -> ServedCheckpoint {
        let place = Place(
            checkpoint: policy.checkpoint, step: policy.step, precision: policy.precision,
            cameras: hello.cameras.sorted())
        if !keepers.contains(where: { $0.place == place }) { try makeRoom() }
        let setup = try LoadedPolicy(
            policy, text: hello.text, goalUse: hello.goalUse, goalsMayBringNumbers: hello.goalsMayBringNumbers,
            cameras: hello.cameras, networks: networks
        ) { hello.joints }
        var engine = setup.engine
        _ = try engine.run(.blank(setup.configuration))
        engine.anticipate()
        if let index = keepers.firstIndex(where: { $0.place == place }) {
            keepers[index].unusedSince = nil
        } else {
            keepers.append(Keeper(place: place, engine: setup.engine, name: setup.name))
        }
        engines[ticket] = (place, engine)
        return ServedCheckpoint(
            offer: PolicyOffer(configuration: setup.configuration, texts: setup.texts, modelName: setup.name),
            parameterCount: setup.checkpoint.description.parameterCount, precision: "\(setup.precision)",
            step: setup.checkpoint.step, leftOut: setup.leftOut)
    }

    private mutating func makeRoom() throws(Full) {
        while networks.count >= Self.mostCheckpoints {
            let unused = keepers.indices.filter { keepers[$0].unusedSince != nil }
            guard
                let oldest = unused.min(by: { (keepers[$0].unusedSince ?? .zero) < (keepers[$1].unusedSince ?? .zero) })
            else { throw Full(loaded: keepers.map(\.name)) }
            keepers.remove(at: oldest)
        }
    }

    /// A robot does not need its network any more.
    mutating func drop(_ ticket: ServeBench.Ticket, at now: MonotonicTime) {
        guard let place = engines.removeValue(forKey: ticket)?.place,
            !engines.values.contains(where: { $0.place == place }),
            let index = keepers.firstIndex(where: { $0.place == place })
        else { return }
        keepers[index].unusedSince = now
    }

    /// Lets go of what nobody has used for a while.
    mutating func tidy(at now: MonotonicTime) {
        keepers.removeAll { keeper in keeper.unusedSince.map { now - $0 >= Self.patience } ?? false }
    }

    /// Runs requests of different robots in one pass.
    /// - Returns: for each what became of it, in the same order.
    mutating func run(
        _ runs: [(ticket: ServeBench.Ticket, request: PolicyNodeCore.Request)]
    ) -> [(ticket: ServeBench.Ticket, result: Result<[Float], any Error>)] {
        var results: [ServeBench.Ticket: Result<[Float], any Error>] = [:]
        var begun: [(ticket: ServeBench.Ticket, run: FastNetwork.Run)] = []
        for (ticket, request) in runs {
            do {
                guard let run = try engines[ticket]?.engine.begin(request) else { continue }
                begun.append((ticket, run))
            } catch {
                results[ticket] = .failure(error)
            }
        }
        for (started, result) in zip(begun, FastNetwork.infer(batch: begun.map(\.run))) {
            guard let engine = engines[started.ticket]?.engine else { continue }
            results[started.ticket] = result.map(engine.finish).mapError { $0 as any Error }
        }
        return runs.compactMap { run in results[run.ticket].map { (run.ticket, $0) } }
    }

    /// Computes ahead of time what the next requests need.
    func anticipate(for tickets: [ServeBench.Ticket]) {
        for ticket in tickets { engines[ticket]?.engine.anticipate() }
    }
}
