import Glibc

/// A point or direction, metres where it is a length. Order x, y, z.
package typealias Vector3 = SIMD3<Double>

extension SIMD3<Double> {
    /// The scalar product of both.
    package func dot(_ other: Self) -> Double { (self * other).sum() }
    /// The vector product, by the right hand.
    package func cross(_ b: Self) -> Self {
        Self(y * b.z - z * b.y, z * b.x - x * b.z, x * b.y - y * b.x)
    }
    /// The Euclidean length.
    package var length: Double { dot(self).squareRoot() }
}

/// A unit quaternion, order w, x, y, z; rotates vectors by `q v q⁻¹`.
package struct Rotation: Equatable, Sendable, BitwiseCopyable {
    /// Unit quaternion, w is the scalar part.
    package var w, x, y, z: Double

    package init(w: Double, x: Double, y: Double, z: Double) {
        self.w = w
        self.x = x
        self.y = y
        self.z = z
    }

    package static let identity = Rotation(w: 1, x: 0, y: 0, z: 0)

    /// A turn by `radians` about `axis`, which has length 1.
    package init(radians: Double, about axis: Vector3) {
        let s = sin(radians / 2)
        self.init(w: cos(radians / 2), x: axis.x * s, y: axis.y * s, z: axis.z * s)
    }

    /// Makes a rotation from its rotation vector: axis times angle, radians.
    package init(vector: Vector3) {
        let angle = vector.length
        // Below 1e-12 rad the axis is lost to rounding; the first-order quaternion is exact to double precision.
        guard angle > 1e-12 else {
            self = Rotation(w: 1, x: vector.x / 2, y: vector.y / 2, z: vector.z / 2).normalized
            return
        }
        self.init(radians: angle, about: vector / angle)
    }

    /// Makes a rotation from roll, pitch, yaw about *fixed* x, y, z axes: R = Rz(yaw) Ry(pitch) Rx(roll), radians.
    package init(roll: Double, pitch: Double, yaw: Double) {
        self =
            Rotation(radians: yaw, about: [0, 0, 1]) * Rotation(radians: pitch, about: [0, 1, 0])
            * Rotation(radians: roll, about: [1, 0, 0])
    }

    /// The rotation that takes the axes to three vectors of length 1 at right angles, right-handed.
    ///
    /// Source: Shepperd, Quaternion from rotation matrix, 1978: begins with the largest component, so that nothing is
    /// divided by a small number.
    package init(axesTo x: Vector3, _ y: Vector3, _ z: Vector3) {
        let squares = [
            1 + x.x + y.y + z.z, 1 + x.x - y.y - z.z, 1 - x.x + y.y - z.z, 1 - x.x - y.y + z.z,
        ]
        let largest = squares.indices.max { squares[$0] < squares[$1] } ?? 0
        let root = squares[largest].squareRoot()
        let (s, half) = (0.5 / root, 0.5 * root)
        switch largest {
        case 0: self.init(w: half, x: (y.z - z.y) * s, y: (z.x - x.z) * s, z: (x.y - y.x) * s)
        case 1: self.init(w: (y.z - z.y) * s, x: half, y: (x.y + y.x) * s, z: (z.x + x.z) * s)
        case 2: self.init(w: (z.x - x.z) * s, x: (x.y + y.x) * s, y: half, z: (y.z + z.y) * s)
        default: self.init(w: (x.y - y.x) * s, x: (z.x + x.z) * s, y: (y.z + z.y) * s, z: half)
        }
    }

    package static func * (a: Self, b: Self) -> Self {
        Rotation(
            w: a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z,
            x: a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            y: a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
            z: a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w)
    }

    package static func * (rotation: Self, v: Vector3) -> Vector3 {
        let u = Vector3(rotation.x, rotation.y, rotation.z)
        let t = 2 * u.cross(v)
        return v + rotation.w * t + u.cross(t)
    }

    package var inverse: Self { Rotation(w: w, x: -x, y: -y, z: -z) }
    package var normalized: Self {
        let n = (w * w + x * x + y * y + z * z).squareRoot()
        return Rotation(w: w / n, x: x / n, y: y / n, z: z / n)
    }

    /// The rotation vector: axis times angle, radians, angle in 0...π.
    package var vector: Vector3 {
        let sign = w < 0 ? -1.0 : 1.0
        let u = Vector3(x, y, z) * sign
        let s = u.length
        let angle = 2 * atan2(s, abs(w))
        return s < 1e-12 ? u * 2 : u * (angle / s)
    }

    /// The matrix element in `row`, `column` (0...2).
    package subscript(row: Int, column: Int) -> Double {
        let unit: Vector3 = column == 0 ? [1, 0, 0] : column == 1 ? [0, 1, 0] : [0, 0, 1]
        return (self * unit)[row]
    }

    /// Roll, pitch, yaw about fixed axes, the inverse of `init(roll:pitch:yaw:)`; roll is chosen and yaw 0 where pitch
    /// is ±π/2 (atan2(-r23, r22), as the Bridge data set's tools do).
    package var rollPitchYaw: Vector3 {
        let h = (self[0, 0] * self[0, 0] + self[1, 0] * self[1, 0]).squareRoot()
        let pitch = atan2(-self[2, 0], h)
        guard h >= 1e-6 else { return [atan2(-self[1, 2], self[1, 1]), pitch, 0] }
        return [atan2(self[2, 1], self[2, 2]), pitch, atan2(self[1, 0], self[0, 0])]
    }
}

/// The place of a coordinate frame in another: `a = baseFromTool` maps tool coordinates to base coordinates, chains
/// read `baseFromTool * toolFromCamera`.
package struct Pose: Equatable, Sendable, BitwiseCopyable {
    package var rotation: Rotation
    /// The place of the origin, metres.
    package var translation: Vector3

    package init(rotation: Rotation, translation: Vector3) {
        self.rotation = rotation
        self.translation = translation
    }

    package static let identity = Pose(rotation: .identity, translation: .zero)

    package static func * (a: Self, b: Self) -> Self {
        Pose(rotation: a.rotation * b.rotation, translation: a.translation + a.rotation * b.translation)
    }
    package static func * (pose: Self, point: Vector3) -> Vector3 { pose.translation + pose.rotation * point }

    package var inverse: Self {
        Pose(rotation: rotation.inverse, translation: -(rotation.inverse * translation))
    }
}
