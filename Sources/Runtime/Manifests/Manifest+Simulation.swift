import Time

extension Manifest {
    /// The world that stands in for cameras and servos.
    package struct Simulation: Equatable, Sendable {
        /// What a simulated run is judged by.
        package enum Task: String, CaseIterable, Sendable {
            case reach
            case push
            case pickPlace = "pick-place"
        }
        /// Absolute path of the scene file; nil: a table with a few things on it.
        package var scene: String?
        /// Seed of the scene's variation; nil: the scene as it is written.
        package var seed: UInt64?
        /// Absolute path of a MuJoCo model in place of the one made of scene and arm.
        package var model: String?
        /// What the run is judged by, and the object it is about, nil for the scene's first; nil: nothing is judged.
        package var task: Task?
        package var object: String?
        /// Absolute path of the picture that is left at the end; nil: none.
        package var film: String?
        /// Pictures a second of the film.
        package var filmRate: Rate
    }
}

extension Manifest.Simulation {
    init(_ keys: inout ManifestKeys) {
        scene = keys.optional(
            "scene", .file,
            "What stands on the table: see octo-sim scene. Left out, a block, a cylinder, a cup, a tray and a mark.")
        seed = keys.optional(
            "seed", .seed, "Changes the scene as its \"variation\" says. Left out, it is as written.")
        model = keys.optional(
            "mjcf", .file,
            "A MuJoCo model in place of the one that is made of scene and arm; begin with what octo-sim mjcf prints.")
        task = keys.optional(
            "task", .choice,
            "What the run is judged by, from the world: the tool comes above the object (reach), the object onto the "
                + "mark (push) or into the tray (pick-place). The policy is not told. Left out, nothing is judged.")
        object = keys.optional(
            "object", .text, "The object that the task is about. Left out, the scene's first.")
        film = keys.optional(
            "film", .destination,
            "A PNG file that is written at the end: what the primary camera saw, beside the goal.")
        filmRate = keys.value(
            "film_rate_hz", .hertz(0.05...5), default: Rate(hertz: 1), "Pictures a second of the film.")
    }
}
