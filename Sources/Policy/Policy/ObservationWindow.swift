import Files
import Images
import Messages
import Time

/// The last few timesteps of every camera and of the arm, oldest first, one policy step apart.
///
/// At the start of an episode the first timestep is repeated to fill the window and the repeats are marked as padding,
/// so that the only real one stands in the last slot (`HistoryWrapper` of the official code, commit 241fb35).
package struct ObservationWindow: Sendable {
    package let size: Int
    private struct Timestep: Sendable {
        /// One per camera, in the order the caller uses throughout.
        var images: [RGBImage?]
        var proprio: [Float]
    }
    private var timesteps: [Timestep] = []

    /// Makes an empty window.
    /// - Parameter size: number of timesteps that the network sees, at least 1.
    package init(size: Int) {
        precondition(size >= 1, "a window holds at least one timestep")
        self.size = size
    }

    /// Adds the newest timestep and lets go of the oldest.
    /// - Parameters:
    ///   - images: one per camera, always in the same order and sizes; nil for a camera that shows nothing at present.
    ///   - proprio: the arm's numbers, always as many.
    package mutating func append(_ images: [RGBImage?], proprio: [Float] = []) {
        if timesteps.count == size { timesteps.removeFirst() }
        timesteps.append(Timestep(images: images, proprio: proprio))
    }

    /// Forgets everything: the next timestep starts a new history.
    package mutating func removeAll() { timesteps.removeAll(keepingCapacity: true) }

    package var isEmpty: Bool { timesteps.isEmpty }

    /// `timestep_pad_mask`: false for slots that repeat the first image.
    package var padMask: [Bool] { (0..<size).map { $0 >= size - timesteps.count } }

    /// The arm's numbers, `[size, numbers]`, oldest first; empty while the window is.
    package var proprio: [Float] {
        if timesteps.isEmpty { return [] }
        let padding = size - timesteps.count
        return (0..<size).flatMap { timesteps[max(0, $0 - padding)].proprio }
    }

    /// The images of one camera, `[size, height, width, 3]`, oldest first, black where it showed nothing; nil while the
    /// window is empty.
    package func pixels(of camera: PolicyCamera, at index: Int) -> SharedBytes? {
        guard let first = timesteps.first else { return nil }
        if size == 1, let image = first.images[index] { return image.pixels }
        let padding = size - timesteps.count
        let frameBytes = camera.width * camera.height * 3
        return SharedBytes(count: size * frameBytes) { (memory) throws(Never) in
            for slot in 0..<size {
                let place = UnsafeMutableRawBufferPointer(rebasing: memory[slot * frameBytes..<(slot + 1) * frameBytes])
                if let image = timesteps[max(0, slot - padding)].images[index] {
                    place.copyMemory(from: image.pixels.bytes)
                } else {
                    place.initializeMemory(as: UInt8.self, repeating: 0)
                }
            }
        }
    }

    /// `pad_mask_dict` of one camera: false where it showed nothing; empty if it always did.
    package func padMask(at index: Int) -> [Bool] {
        if timesteps.allSatisfy({ $0.images[index] != nil }) { return [] }
        let padding = size - timesteps.count
        return (0..<size).map { timesteps[max(0, $0 - padding)].images[index] != nil }
    }

    /// Each camera's part of an observation, by name.
    /// - Parameter captures: capture times of the cameras' newest frames, in the order of `cameras`.
    package func views(of cameras: [PolicyCamera], captures: [MonotonicTime]) -> [PolicyObservation.View] {
        var views: [PolicyObservation.View] = []
        for (index, camera) in cameras.enumerated() {
            guard let pixels = pixels(of: camera, at: index) else { continue }
            views.append(
                .init(
                    camera: camera.name, width: camera.width, height: camera.height, pixels: pixels,
                    captureTime: captures[index], padMask: padMask(at: index)))
        }
        return views.sorted { $0.camera < $1.camera }
    }
}
