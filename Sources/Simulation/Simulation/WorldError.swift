/// Why there is no simulated world, or none any more.
package enum WorldError: Error, Equatable, Sendable {
    /// The reason, as the dynamic loader or the library gives it.
    case noMuJoCo(String)
    /// The model is refused, in MuJoCo's words, which name the element and the line of the MJCF text.
    case badModel(String)
    /// The model lacks a named thing that the arm or a task needs.
    case missing(kind: String, name: String)
    case noGraphics(String)
    /// A number of the state was not finite, or too large to be true; or MuJoCo gave up.
    case blewUp(String, time: Double)
    case picture(String)
    case wrongState(String)
    case noStart(draws: Int)
}

extension WorldError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noMuJoCo(let reason):
            "making the simulated world: MuJoCo is not usable here (\(reason)), expected version 2.2.2. Install the "
                + "package libmujoco-dev, and build again if it was missing at the build."
        case .badModel(let words):
            "making the simulated world: MuJoCo refuses the model: \(words) Correct what it names; octo-sim mjcf "
                + "prints a model that works."
        case .missing(let kind, let name):
            "making the simulated world: the model has no \(kind) called '\(name)', expected one. octo-sim mjcf "
                + "prints a model that has everything."
        case .noGraphics(let reason):
            "drawing the simulated world: there is no OpenGL without a display (\(reason)), expected OSMesa or EGL. "
                + "Install the package libosmesa6, or libegl1 with libgl1-mesa-dri."
        case .blewUp(let words, let time):
            "simulating: after \((time * 1000).rounded() / 1000) s the world blew up: \(words), expected finite "
                + "numbers. Start it again; if it happens again, look for objects of the scene that begin inside each "
                + "other."
        case .picture(let words): "drawing the simulated world: \(words)."
        case .noStart(let draws):
            "placing the arm at random: none of \(draws) places in its workspace can be reached, pointing down, "
                + "without touching something, expected room to begin. Take things off the scene, or widen the "
                + "workspace of the calibration."
        case .wrongState(let words): "setting the state of the simulated world: \(words)."
        }
    }
}
