import CKernels
import Glibc

/// One observation tokenizer of the fast path, which remembers the tokens of what it has seen last.
///
/// A frame is the newest of one window and an older one of the next; its tokens before the position embedding stay the
/// same, so the way through the encoder is paid once. They are found again by the frame's bytes.
final class FastTokenizer {
    /// The tokens of one timestep by the plain layers: `[tokens, D]`, projected, without position embedding.
    typealias PlainTokens = (_ observation: ObservationInput, _ timestep: Int, _ task: PreparedTask) -> [Float]

    /// What makes the tokens.
    enum Encoder {
        case stem(FastStem)
        /// An image encoder that only the plain layers compute.
        case plain(PlainTokens)
        /// The plain layer: a handful of tokens.
        case lowdim(LowdimEncoder, projection: Dense)
    }

    /// One thing that was encoded.
    private struct Entry {
        /// Number of the content: never used twice, 0 for none.
        var stamp: UInt64 = 0
        let content: AlignedMemory
        /// `[tokens, D]`, projected, without position embedding.
        let tokens: FloatBuffer
    }

    /// Observation keys it reads, in order, and the bytes of one timestep of each.
    let keys: [String]
    private let bytesPerKey: [Int]
    let tokens: Int
    let usesPadMask: Bool
    private let width: Int
    private let encoder: Encoder
    /// `[slots, tokens, D]`
    private let positionEmbedding: FloatBuffer
    private var entries: [Entry] = []
    private var nextEntry = 0
    private var lastStamp: UInt64 = 0

    /// Makes a tokenizer that has computed nothing yet.
    /// - Parameters:
    ///   - bytesPerKey: size of one timestep of each key, bytes.
    ///   - positionEmbedding: the embedding, `[slots, tokens, D]`.
    init(
        keys: [String], bytesPerKey: [Int], tokens: Int, width: Int, usesPadMask: Bool, positionEmbedding: [Float],
        encoder: Encoder
    ) {
        self.keys = keys
        self.bytesPerKey = bytesPerKey
        self.tokens = tokens
        self.width = width
        self.usesPadMask = usesPadMask
        self.positionEmbedding = FloatBuffer(positionEmbedding)
        self.encoder = encoder
    }

    /// Makes a tokenizer with another's encoder that has computed nothing yet.
    init(sharing other: FastTokenizer) {
        keys = other.keys
        bytesPerKey = other.bytesPerKey
        tokens = other.tokens
        usesPadMask = other.usesPadMask
        width = other.width
        positionEmbedding = other.positionEmbedding
        encoder = other.encoder
    }

    /// Remembers as much as a window has timesteps, and one more for the next.
    func reserve(timesteps: Int) {
        while entries.count < timesteps + 1 {
            entries.append(
                Entry(
                    content: AlignedMemory(byteCount: bytesPerKey.reduce(0, +)),
                    tokens: FloatBuffer(count: tokens * width)))
        }
    }

    /// Forgets everything: the goal is another.
    func forget() {
        for index in entries.indices { entries[index].stamp = 0 }
    }

    /// Whether its tokens are there at a timestep, before the window's own padding.
    func isPresent(in observation: ObservationInput, timestep: Int) -> Bool {
        guard usesPadMask else { return true }
        var isSeen = false
        for key in keys {
            // All of its keys must have a mask for any to count.
            guard let mask = observation.padMasks[key] else { return true }
            if mask[timestep] { isSeen = true }
        }
        return isSeen
    }

    /// The entry in which the tokens of a timestep are remembered; encodes what is new.
    func entry(of observation: ObservationInput, timestep: Int, goalHalf: FloatBuffer?, task: PreparedTask) -> Int {
        for index in entries.indices where entries[index].stamp != 0 {
            if isEqual(entries[index], observation, timestep) { return index }
        }
        let index = nextEntry
        nextEntry = (nextEntry + 1) % entries.count
        encode(observation, timestep, goalHalf: goalHalf, task: task, into: entries[index])
        lastStamp += 1
        entries[index].stamp = lastStamp
        return index
    }

    func stamp(of entry: Int) -> UInt64 { entries[entry].stamp }

    /// Puts an entry's tokens into rows of `target`, with the position embedding of a slot.
    func place(_ entry: Int, slot: Int, into target: UnsafeMutablePointer<Float>) {
        let source = entries[entry].tokens.pointer
        let position = positionEmbedding.pointer + slot * tokens * width
        for i in 0..<tokens * width { target[i] = source[i] + position[i] }
    }

    private func isEqual(_ entry: Entry, _ observation: ObservationInput, _ timestep: Int) -> Bool {
        var offset = 0
        for (key, bytes) in zip(keys, bytesPerKey) {
            let isSame = observation.withBytes(of: key, timestep: timestep, count: bytes) { raw in
                guard let base = raw.baseAddress else { return true }
                return memcmp(base, entry.content.bytes + offset, bytes) == 0
            }
            if !isSame { return false }
            offset += bytes
        }
        return true
    }

    private func encode(
        _ observation: ObservationInput, _ timestep: Int, goalHalf: FloatBuffer?, task: PreparedTask, into entry: Entry
    ) {
        var offset = 0
        for (index, bytes) in bytesPerKey.enumerated() {
            observation.withBytes(of: keys[index], timestep: timestep, count: bytes) { raw in
                guard let base = raw.baseAddress else { return }
                (entry.content.bytes + offset).copyMemory(from: base, byteCount: bytes)
                if case .stem(let stem) = encoder { stem.setFrame(raw.bindMemory(to: UInt8.self), image: index) }
            }
            offset += bytes
        }
        switch encoder {
        case .stem(let stem): stem.encode(goalHalf: goalHalf, into: entry.tokens.pointer, stride: width)
        case .plain(let encode):
            let made = encode(observation, timestep, task)
            precondition(made.count == entry.tokens.count, "all tokens of a timestep")
            entry.tokens.pointer.update(from: made, count: made.count)
        case .lowdim(let lowdim, let projection):
            // The keys' numbers stand one after the other in the entry's content.
            let numbers = UnsafeRawBufferPointer(start: entry.content.bytes, count: offset).bindMemory(to: Float.self)
            lowdim.project(numbers, projection, into: entry.tokens.pointer)
        }
    }
}

extension ObservationInput {
    /// The bytes of one timestep of an image or of low-dimensional numbers; the input was checked before.
    @discardableResult
    fileprivate func withBytes<Result>(
        of key: String, timestep: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let range = timestep * count..<(timestep + 1) * count
        if let image = images[key] {
            return image.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
        return (lowdim[key] ?? []).withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
