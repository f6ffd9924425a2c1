import Files
import Images
import Time

/// The observation exactly as it went into the network, before it was normalised, so that an episode can be inferred
/// again.
package struct PolicyObservation: Equatable, Sendable {
    /// What one camera showed in the window, at the size that the network takes.
    package struct View: Equatable, Sendable {
        package var camera: String
        /// Width of each picture, pixels.
        package var width: Int
        /// Height of each picture, pixels.
        package var height: Int
        /// `[window, height, width, 3]`, oldest first.
        package var pixels: SharedBytes
        /// Capture time of the newest frame in the window; the tick's where there is none.
        package var captureTime: MonotonicTime
        /// One per slot of the window; false where the camera had no usable frame, whose pixels are then black. Empty:
        /// it had all.
        package var padMask: [Bool]

        package init(
            camera: String, width: Int, height: Int, pixels: SharedBytes, captureTime: MonotonicTime,
            padMask: [Bool] = []
        ) {
            self.padMask = padMask
            self.camera = camera
            self.width = width
            self.height = height
            self.pixels = pixels
            self.captureTime = captureTime
        }
    }

    /// The arm's state as the checkpoint's data set writes it.
    package struct Proprio: Equatable, Sendable {
        /// `[window, numbers]`, oldest first, in the data set's units: metres, radians, opening.
        package var values: [Float]
        /// Times of the two measured states that the newest timestep lies between; the same for a state of that very
        /// time.
        package var before: MonotonicTime
        package var after: MonotonicTime

        package init(values: [Float], before: MonotonicTime, after: MonotonicTime) {
            self.values = values
            self.before = before
            self.after = after
        }
    }

    /// Counts observation ticks from 0.
    package var tick: UInt64
    /// Time at which the tick was due.
    package var time: MonotonicTime
    package var goalID: String
    /// Sorted by camera name.
    package var views: [View]
    /// The arm's state; nil for a policy that reads images alone.
    package var proprio: Proprio?
    /// One per slot of the window; false marks padding at the start of an episode.
    package var timestepPadMask: [Bool]

    package init(
        tick: UInt64, time: MonotonicTime, goalID: String, views: [View], timestepPadMask: [Bool],
        proprio: Proprio? = nil
    ) {
        self.tick = tick
        self.time = time
        self.goalID = goalID
        self.views = views
        self.timestepPadMask = timestepPadMask
        self.proprio = proprio
    }
}
