import Images

/// The last few timesteps of every camera, oldest first, one policy step apart.
///
/// At the start of an episode the first image is repeated to fill the window and the repeats are marked as padding, so
/// that the only real image stands in the last slot (`HistoryWrapper` of the official code, commit 241fb35).
package struct ObservationWindow: Sendable {
    package let size: Int
    /// Per timestep: one image per camera, in the order the caller uses throughout.
    private var timesteps: [[RGBImage]] = []

    /// - Parameter size: timesteps the network sees, at least 1.
    package init(size: Int) {
        precondition(size >= 1, "a window holds at least one timestep")
        self.size = size
    }

    /// Adds the newest timestep and lets go of the oldest.
    /// - Parameter images: one per camera, always in the same order and sizes.
    package mutating func append(_ images: [RGBImage]) {
        if timesteps.count == size { timesteps.removeFirst() }
        timesteps.append(images)
    }

    /// Forgets everything: the next timestep starts a new history.
    package mutating func removeAll() { timesteps.removeAll(keepingCapacity: true) }

    package var isEmpty: Bool { timesteps.isEmpty }

    /// `timestep_pad_mask`: false for slots that repeat the first image.
    package var padMask: [Bool] { (0..<size).map { $0 >= size - timesteps.count } }

    /// The images of one camera, `[size, height, width, 3]`, oldest first; nil while the window is empty.
    package func pixels(ofCamera index: Int) -> SharedBytes? {
        guard let first = timesteps.first?[index] else { return nil }
        if size == 1 { return first.pixels }
        let padding = size - timesteps.count
        let frameBytes = first.pixels.count
        return SharedBytes(count: size * frameBytes) { (memory) throws(Never) in
            for slot in 0..<size {
                let image = timesteps[max(0, slot - padding)][index]
                UnsafeMutableRawBufferPointer(rebasing: memory[slot * frameBytes..<(slot + 1) * frameBytes])
                    .copyMemory(from: image.pixels.bytes)
            }
        }
    }
}
