import JSONTree

extension ModelConfiguration {
    /// Turns numbers that are no image, such as proprioception, into tokens: one for each number.
    struct LowdimTokenizer: Equatable, Sendable {
        /// Numbers of one observation key.
        struct Key: Equatable, Sendable {
            var name: String
            /// Numbers in one timestep.
            var dimension: Int
        }
        var name: String
        /// Keys in the order in which their numbers are joined; a key that two patterns match is there twice.
        var keys: [Key]
        /// Bins into which the numbers fall; nil: a token is the number itself.
        var bins: Bins?

        /// Tokens of one timestep.
        var tokens: Int { keys.reduce(0) { $0 + $1.dimension } }
        /// Numbers in a token before its projection.
        var features: Int { bins?.count ?? 1 }
    }

    /// How numbers and bins belong together (`BinTokenizer` of the official code).
    package struct Bins: Equatable, Sendable {
        /// How the bins divide the numbers.
        package enum Kind: Equatable, Sendable {
            /// Bins of one width.
            case uniform(low: Float, high: Float)
            /// Bins that a standard normal number falls into equally often.
            case normal
        }
        var count: Int
        var kind: Kind

        package init(count: Int, kind: Kind) {
            self.count = count
            self.kind = kind
        }
    }

    static func lowdimTokenizer(
        _ name: String, _ spec: ModuleSpec, example: ExampleBatch,
        _ reader: JSONReader
    ) -> TokenizerResult {
        let (kwargs, place) = (spec.kwargs, spec.kwargsPath)
        reader.checkArguments(
            kwargs, at: place,
            known: ["obs_keys", "discretize", "proper_pad_mask", "n_bins", "bin_type", "low", "high"])
        let texts = reader.strings(kwargs, "obs_keys", at: place, default: [])
        let patterns = patterns(spec, "obs_keys", default: [], reader)
        if texts.isEmpty {
            reader.report("\(place).obs_keys", found: "nothing", expected: "at least one observation key")
            return .unusable
        }
        let known = (Array(example.observationNumbers.keys) + Array(example.observationImages.keys)).sorted()
        // Pattern by pattern, each in the order of the keys' names.
        let matched = patterns.flatMap { pattern in known.filter { pattern.matches(start: $0) } }
        if matched.isEmpty { return patterns.count == texts.count ? .noInput : .unusable }
        var keys: [LowdimTokenizer.Key] = []
        for key in matched {
            guard let numbers = example.observationNumbers[key], numbers.isFloatingPoint, numbers.shape.count == 3,
                numbers.shape[0] == 1, numbers.shape[1] == example.windowSize, (1...1000).contains(numbers.shape[2])
            else {
                let found =
                    example.observationNumbers[key].map { "'\(key)' of shape \($0.shape)" } ?? "the image '\(key)'"
                reader.report(
                    "\(place).obs_keys", found: found,
                    expected: "floating-point numbers of shape [1, \(example.windowSize), 1...1000]")
                return .unusable
            }
            keys.append(.init(name: key, dimension: numbers.shape[2]))
        }
        let isDiscrete = reader.boolean(kwargs, "discretize", at: place, default: false)
        // The settings of the bins are there in any case, and without meaning if they are not used.
        let bins = isDiscrete ? self.bins(kwargs, at: place, reader) : nil
        return .tokenizer(.lowdim(LowdimTokenizer(name: name, keys: keys, bins: bins)))
    }

    private static func bins(_ kwargs: JSONNode, at place: String, _ reader: JSONReader) -> Bins {
        let count = reader.integer(kwargs, "n_bins", at: place, default: 256, in: 1...10_000)
        let low = reader.bound(kwargs, "low", at: place, default: 0)
        let high = reader.bound(kwargs, "high", at: place, default: 1)
        let kind = binKind(kwargs, "bin_type", at: place, low: low, high: high, reader)
        return Bins(count: count, kind: kind)
    }

    /// Reads the name of a kind of bins, which is "uniform" unless the file says otherwise.
    static func binKind(
        _ kwargs: JSONNode, _ key: String, at place: String, low: Float, high: Float,
        _ reader: JSONReader
    ) -> Bins.Kind {
        let name = reader.string(kwargs, key, at: place, default: "uniform")
        switch name {
        case "uniform":
            if low >= high {
                reader.report("\(place).low", found: "\(low)", expected: "less than high, which is \(high)")
            }
            return .uniform(low: low, high: high)
        case "normal": return .normal
        default:
            reader.report("\(place).\(key)", found: "\"\(name)\"", expected: "\"uniform\" or \"normal\"")
            return .normal
        }
    }
}
