/// The places of one timestep's tokens in the fast path's rows, and who sees them.
///
/// Tokens nobody may attend to are left out: the images of a padded timestep, masked-out cameras, the text when there
/// is none. What is left falls into two kinds. *Public* tokens are seen by all that come later or at the same time:
/// images and repeated task tokens. *Private* ones, the readouts, are seen by their own group only. So no mask is
/// needed: a public token attends to all public keys up to its own timestep, a private one to those and to its group's.
struct StepPlan {
    /// What a run of rows is filled with.
    enum Source: Equatable {
        /// Tokens of an observation tokenizer.
        case observation(Int)
        /// Repeated tokens of a task tokenizer.
        case task(Int)
        /// Part of a readout's position embedding.
        case readout(Int, tokens: Range<Int>)
    }
    struct Piece: Equatable {
        var source: Source
        var rows: Range<Int>
    }
    /// Rows of one private group.
    struct PrivateRun: Equatable {
        var group: Int
        var rows: Range<Int>
    }
    /// Rows the action head reads: a readout's tokens, in their order.
    struct WantedRun: Equatable {
        var rows: Range<Int>
        /// The rows' private group; nil if they count as public.
        var group: Int?
    }

    let pieces: [Piece]
    /// Public tokens come first.
    let publicCount: Int
    let privateRuns: [PrivateRun]
    let wanted: [WantedRun]
    let count: Int

    /// Plans the rows of one timestep.
    /// - Parameters:
    ///   - layout: layout of the tokens, for any number of timesteps.
    ///   - observations: whether each observation tokenizer's tokens are there, in the layout's order.
    ///   - tasks: whether each group of repeated task tokens is there, in the layout's order; empty if the model does
    ///     not repeat them.
    ///   - readout: index of the head's readout.
    init(
        _ layout: TokenLayout, observations: [Bool], tasks: [Bool], readout: Int, usesCorrectAttention: Bool
    ) {
        let owners = layout.privateOwners(usesCorrectAttention: usesCorrectAttention)
        var pieces: [Piece] = []
        var row = 0
        var token = 0
        /// Each readout token with its owner.
        var readouts: [(readout: Int, token: Int, owner: Int?)] = []
        for (index, group) in layout.perTimestep.enumerated() {
            switch index {
            case ..<observations.count:
                if observations[index] {
                    pieces.append(Piece(source: .observation(index), rows: row..<row + group.count))
                    row += group.count
                }
            case ..<(observations.count + tasks.count):
                if tasks[index - observations.count] {
                    pieces.append(Piece(source: .task(index - observations.count), rows: row..<row + group.count))
                    row += group.count
                }
            default:
                let readout = index - observations.count - tasks.count
                for n in 0..<group.count { readouts.append((readout, n, owners[token + n])) }
            }
            token += group.count
        }
        // Readout tokens that count as observations, then each group's own.
        var wanted: [WantedRun] = []
        var privateRuns: [PrivateRun] = []
        var publicCount = row
        let groups = [nil] + Set(readouts.compactMap(\.owner)).sorted().map(Optional.some)
        for group in groups {
            let start = row
            for entry in readouts where entry.owner == group {
                pieces.append(
                    Piece(source: .readout(entry.readout, tokens: entry.token..<entry.token + 1), rows: row..<row + 1))
                if entry.readout == readout { wanted.append(WantedRun(rows: row..<row + 1, group: group)) }
                row += 1
            }
            if let group {
                privateRuns.append(PrivateRun(group: group, rows: start..<row))
            } else {
                publicCount = row
            }
        }
        // The head reads its tokens in order; they stand in at most two places, in order in each.
        let order = readouts.filter { $0.readout == readout }.map(\.owner)
        self.wanted = Self.inTokenOrder(wanted, owners: order)
        self.pieces = Self.joined(pieces)
        self.publicCount = publicCount
        self.privateRuns = privateRuns
        count = row
    }

    /// The wanted rows, one by one, in the order of their tokens.
    private static func inTokenOrder(_ runs: [WantedRun], owners: [Int?]) -> [WantedRun] {
        var left = runs
        return owners.compactMap { owner in
            guard let index = left.firstIndex(where: { $0.group == owner }) else { return nil }
            return left.remove(at: index)
        }
    }

    /// Readout tokens that follow each other in the same rows as one piece.
    private static func joined(_ pieces: [Piece]) -> [Piece] {
        pieces.reduce(into: []) { result, piece in
            guard case .readout(let readout, let tokens) = piece.source, let last = result.last,
                case .readout(readout, let before) = last.source, before.upperBound == tokens.lowerBound
            else {
                result.append(piece)
                return
            }
            result[result.count - 1] = Piece(
                source: .readout(readout, tokens: before.lowerBound..<tokens.upperBound),
                rows: last.rows.lowerBound..<piece.rows.upperBound)
        }
    }
}
