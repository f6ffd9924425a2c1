import Glibc
import Maths
import Simulation

/// A camera as it stands, and how its picture is turned.
package struct CameraMove: Equatable, Sendable {
    package var view: Scene.View
    /// Turn about the line of sight, radians, as `World.movePrimaryCamera` takes it.
    package var roll = 0.0

    package init(_ view: Scene.View) { self.view = view }

    /// Looks to one side, without a turn about the line of sight: the middle of the picture goes `pixels` of a picture
    /// that is 256 high, in the direction of `angle` (radians, in the picture).
    package func shifted(pixels: Double, angle: Double) -> CameraMove {
        let turn = WorldModel.looking(from: view)
        let (right, up, back) = (turn * Vector3(1, 0, 0), turn * Vector3(0, 1, 0), turn * Vector3(0, 0, 1))
        let focal = 128 / tan(view.fieldOfView / 2)
        let aside = (right * cos(angle) + up * sin(angle)) * (pixels / focal)
        let forward = (aside - back) / (aside - back).length
        // The smallest rotation that takes the old line of sight to the new one.
        let axis = (-back).cross(forward)
        let pan =
            axis.length > 1e-12
            ? Rotation(radians: atan2(axis.length, (-back).dot(forward)), about: axis / axis.length) : .identity
        var moved = self
        moved.view.lookAt = view.position + forward * (view.lookAt - view.position).length
        // A camera that is only told where to look keeps its picture upright: that turn is taken back.
        let upright = WorldModel.looking(from: moved.view)
        let wanted = pan * right
        moved.roll = roll + atan2(wanted.dot(upright * Vector3(0, 1, 0)), wanted.dot(upright * Vector3(1, 0, 0)))
        return moved
    }

    /// The move, turned about its line of sight.
    package func turned(degrees: Double) -> CameraMove {
        var moved = self
        moved.roll += degrees * .pi / 180
        return moved
    }

    /// The move, zoomed so that everything is `factor` times as large.
    package func zoomed(by factor: Double) -> CameraMove {
        var moved = self
        moved.view.fieldOfView = 2 * atan(tan(view.fieldOfView / 2) / factor)
        return moved
    }

    /// The move, carried round what the camera looks at, about the vertical.
    package func orbited(degrees: Double) -> CameraMove {
        var moved = self
        let turn = Rotation(radians: degrees * .pi / 180, about: [0, 0, 1])
        moved.view.position = view.lookAt + turn * (view.position - view.lookAt)
        return moved
    }
}
