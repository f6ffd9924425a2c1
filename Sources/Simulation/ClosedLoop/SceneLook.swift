import Simulation

/// How the simulated world looks, apart from where things are.
package struct SceneLook: Equatable, Sendable {
    package var view: Scene.View
    /// Roll of the primary camera's picture, clockwise, radians.
    package var roll = 0.0
    /// Brightness of the lamp, 0...1.
    package var brightness: Double

    /// The scene's own look.
    package init(of scene: Scene) {
        view = scene.primary
        brightness = scene.light.brightness
    }
}
