import JSONTree

extension ModelConfiguration {
    /// What turns the transformer's output into actions.
    struct ActionHead: Equatable, Sendable {
        /// The tokens it reads, of the newest timestep.
        enum Source: Equatable, Sendable, CustomStringConvertible {
            /// A readout, by its name without `readout_`.
            case readout(String)
            /// All observation groups one after the other, repeated task tokens too.
            case observations
            /// One observation group, by its whole name (`obs_<tokenizer>`).
            case group(String)

            /// The source as `config.json` names it.
            var description: String {
                switch self {
                case .readout(let name): "readout_\(name)"
                case .observations: "obs"
                case .group(let name): name
                }
            }
        }
        enum Kind: Equatable, Sendable {
            case diffusion(Diffusion)
            case continuous(maximumAction: Float)
            case discrete(Discrete)
        }

        /// The class of the official code, e.g. "DiffusionActionHead".
        var name: String
        var source: Source
        /// Whether attention pools the tokens (`use_map`), instead of their mean or of the tokens as they are.
        var usesAttentionPooling: Bool
        var actionHorizon: Int
        var actionDimension: Int
        var kind: Kind

        /// Numbers in a chunk.
        var chunkSize: Int { actionHorizon * actionDimension }

        /// Denoising steps; 0 for a head that needs no noise.
        var diffusionSteps: Int {
            if case .diffusion(let diffusion) = kind { diffusion.steps } else { 0 }
        }

        /// The readout it reads; nil for a head that reads the observations' tokens.
        var readout: String? {
            if case .readout(let name) = source { name } else { nil }
        }

        /// Number of embeddings it makes actions of: of so many tokens, or by so many probes of the pooling.
        var embeddings: Int {
            if case .discrete(let discrete) = kind {
                discrete.tokens(horizon: actionHorizon, dimension: actionDimension)
            } else {
                1
            }
        }
    }

    struct Diffusion: Equatable, Sendable {
        var maximumAction: Float = 5
        var timeDimension = 32
        var blocks = 3
        var hiddenDimension = 256
        var usesLayerNorm = true
        var steps = 20
    }

    struct Discrete: Equatable, Sendable {
        /// What one token makes the actions of.
        enum TokenPer: String, CaseIterable, Sendable {
            case chunk = ""
            case action = "action_horizon"
            case number = "action_dim_and_action_horizon"
        }
        var tokenPer: TokenPer
        /// Bins of the vocabulary, one for each word.
        var bins: Bins

        func tokens(horizon: Int, dimension: Int) -> Int {
            switch tokenPer {
            case .chunk: 1
            case .action: horizon
            case .number: horizon * dimension
            }
        }
    }

    /// Groups of a timestep's tokens that a head may name.
    struct HeadGroups {
        var readouts: [Readout]
        /// `obs_…`
        var observations: [String]
    }

    // MARK: - Parsing

    static func head(
        _ model: JSONNode, groups: HeadGroups, _ reader: JSONReader
    ) -> ActionHead {
        let path = "model.heads.action"
        var head = ActionHead(
            name: "", source: .observations, usesAttentionPooling: false, actionHorizon: 1, actionDimension: 7,
            kind: .continuous(maximumAction: 5))
        guard let node = model["heads"]?["action"] else {
            reader.report(path, found: "nothing", expected: "the action head")
            return head
        }
        guard let spec = reader.module(node, at: path) else { return head }
        guard let kind = kind(spec, reader) else { return head }
        let (kwargs, place) = (spec.kwargs, spec.kwargsPath)
        head.name = spec.name
        head.kind = kind
        // By the classes' own defaults.
        let poolsByDefault = spec.name == "L1ActionHead" || spec.name == "MSEActionHead"
        head.usesAttentionPooling = reader.boolean(kwargs, "use_map", at: place, default: poolsByDefault)
        // `pred_horizon` is its name in models of December 2023.
        let horizonKey = kwargs["action_horizon"] == nil ? "pred_horizon" : "action_horizon"
        head.actionHorizon = reader.integer(kwargs, horizonKey, at: place, default: 1, in: 1...10_000)
        head.actionDimension = reader.integer(kwargs, "action_dim", at: place, default: 7, in: 1...10_000)
        head.source = source(spec, groups, reader)
        if case .discrete = kind, !head.usesAttentionPooling, let name = head.readout,
            let readout = groups.readouts.first(where: { $0.name == name }), readout.tokens != head.embeddings
        {
            reader.report(
                "model.readouts.\(name)", found: "\(readout.tokens)",
                expected: "\(head.embeddings) tokens, as the \(head.name) takes them")
        }
        return head
    }

    /// Reads the kind of head; nil after reporting a class that cannot be followed.
    private static func kind(
        _ spec: ModuleSpec, _ reader: JSONReader
    ) -> ActionHead.Kind? {
        let (kwargs, place) = (spec.kwargs, spec.kwargsPath)
        let shared = ["readout_key", "use_map", "action_horizon", "pred_horizon", "action_dim"]
        switch spec.name {
        case "DiffusionActionHead":
            reader.checkArguments(
                kwargs, at: place,
                known: shared + [
                    "max_action", "loss_type", "time_dim", "num_blocks", "dropout_rate", "hidden_dim", "use_layer_norm",
                    "diffusion_steps", "n_diffusion_samples",
                ])
            let diffusion = Diffusion(
                maximumAction: reader.number(kwargs, "max_action", at: place, default: 5),
                timeDimension: reader.integer(kwargs, "time_dim", at: place, default: 32, in: 2...10_000),
                blocks: reader.integer(kwargs, "num_blocks", at: place, default: 3, in: 1...1000),
                hiddenDimension: reader.integer(kwargs, "hidden_dim", at: place, default: 256, in: sizes),
                usesLayerNorm: reader.boolean(kwargs, "use_layer_norm", at: place, default: true),
                steps: reader.integer(kwargs, "diffusion_steps", at: place, default: 20, in: 1...10_000))
            if diffusion.timeDimension % 2 != 0 {
                reader.report("\(place).time_dim", found: "\(diffusion.timeDimension)", expected: "an even number")
            }
            return .diffusion(diffusion)
        case "ContinuousActionHead", "MSEActionHead", "L1ActionHead":
            reader.checkArguments(kwargs, at: place, known: shared + ["max_action", "loss_type"])
            return .continuous(maximumAction: reader.number(kwargs, "max_action", at: place, default: 5))
        case "DiscreteActionHead", "TokenPerDimActionHead":
            reader.checkArguments(kwargs, at: place, known: shared + ["token_per", "vocab_size", "normalization_type"])
            let standard = Discrete.TokenPer.number
            let name = reader.string(kwargs, "token_per", at: place, default: standard.rawValue)
            let tokenPer = Discrete.TokenPer(rawValue: name)
            if tokenPer == nil {
                let known = Discrete.TokenPer.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                reader.report("\(place).token_per", found: "\"\(name)\"", expected: "one of \(known)")
            }
            let bins = Bins(
                count: reader.integer(kwargs, "vocab_size", at: place, default: 256, in: 1...10_000),
                kind: binKind(kwargs, "normalization_type", at: place, low: 0, high: 1, reader))
            return .discrete(Discrete(tokenPer: tokenPer ?? standard, bins: bins))
        case "UNetDDPMActionHead":
            reader.report(
                spec.path, found: spec.name,
                expected: "a head that works: in the official code this one lacks the pooling it asks for, and returns "
                    + "the whole window instead of its last step; train the model with another head")
            return nil
        default:
            reader.report(
                spec.path, found: spec.name,
                expected: "one of DiffusionActionHead, ContinuousActionHead, MSEActionHead, L1ActionHead, "
                    + "DiscreteActionHead, TokenPerDimActionHead")
            return nil
        }
    }

    private static func source(
        _ spec: ModuleSpec, _ groups: HeadGroups, _ reader: JSONReader
    ) -> ActionHead.Source {
        let key = reader.string(spec.kwargs, "readout_key", at: spec.kwargsPath)
        if key == "obs" { return .observations }
        if groups.observations.contains(key) { return .group(key) }
        let readouts = groups.readouts.map { "readout_\($0.name)" }
        if readouts.contains(key) { return .readout(String(key.dropFirst("readout_".count))) }
        let known = (readouts + ["obs"] + groups.observations).map { "\"\($0)\"" }.joined(separator: ", ")
        reader.report("\(spec.kwargsPath).readout_key", found: "\"\(key)\"", expected: "one of \(known)")
        return .observations
    }
}
