import Maths

/// What stands on the table, what looks at it, and what lights it: the simulated world apart from the arm, which comes
/// from its calibration file. Lengths in metres, base frame of the arm (x forward, y left, z up, the table at z = 0).
package struct Scene: Equatable, Sendable {
    /// Red, green, blue, 0...1.
    package typealias Colour = SIMD3<Double>

    /// Forms of an object, each with one measure, `size`.
    package enum Shape: String, CaseIterable, Sendable {
        /// A cube, `size` wide.
        case block
        /// An upright cylinder, `size` across and one and a half times as high.
        case cylinder
        /// An upright cup, open above, `size` across and as high.
        case cup
    }

    /// Something that can be grasped.
    package struct Object: Equatable, Sendable {
        package var name: String
        package var shape: Shape
        /// Size across, metres, 0.022...0.065: what fits between the fingers.
        package var size: Double
        /// Mass, kilograms.
        package var mass: Double
        package var colour: Colour
        /// Place on the table, x and y, metres.
        package var position: SIMD2<Double>
        /// Turn about the vertical, radians.
        package var yaw: Double

        package init(
            name: String, shape: Shape, size: Double = 0.04, mass: Double = 0.04, colour: Colour,
            position: SIMD2<Double>,
            yaw: Double = 0
        ) {
            self.name = name
            self.shape = shape
            self.size = size
            self.mass = mass
            self.colour = colour
            self.position = position
            self.yaw = yaw
        }

        /// Height from its lowest point to its highest, metres.
        package var height: Double { shape == .cylinder ? 1.5 * size : size }
    }

    /// A shallow tray, fixed to the table.
    package struct Tray: Equatable, Sendable {
        /// Middle of the tray, x and y, metres.
        package var position: SIMD2<Double>
        /// Inner length along x and y.
        package var size: SIMD2<Double>
        package var colour: Colour

        package init(
            position: SIMD2<Double> = [0.28, 0.17], size: SIMD2<Double> = [0.13, 0.11],
            colour: Colour = [0.20, 0.45, 0.65]
        ) {
            self.position = position
            self.size = size
            self.colour = colour
        }

        /// Place at which it is built; nil: at `position`. A thing that is to come to `position` then comes onto the
        /// bare table, and only a picture of the goal tells that.
        package var builtAt: SIMD2<Double>?
        /// The place where it can be seen and touched.
        var site: SIMD2<Double> { builtAt ?? position }

        /// Whether a point is above its floor, by `margin` metres from its rim.
        package func holds(_ point: Vector3, margin: Double = 0) -> Bool {
            holds(point - Vector3(position.x, position.y, 0), half: size / 2 - margin)
        }

        /// Whether a point is above what is built of it, or within `margin` metres beside that.
        func isBuilt(around point: Vector3, margin: Double) -> Bool {
            holds(point - Vector3(site.x, site.y, 0), half: size / 2 + margin)
        }

        private func holds(_ offset: Vector3, half: SIMD2<Double>) -> Bool {
            abs(offset.x) <= half.x && abs(offset.y) <= half.y
        }
    }

    /// A coloured square on the table, without thickness: where things are pushed to.
    package struct Mark: Equatable, Sendable {
        package var position: SIMD2<Double>
        /// Length of its side.
        package var size: Double
        package var colour: Colour

        /// Place at which it is painted; nil: at `position`. What is then pushed to `position` follows a picture of the
        /// goal, not the paint.
        package var paintedAt: SIMD2<Double>?
        /// The place where it can be seen.
        var site: SIMD2<Double> { paintedAt ?? position }

        package init(
            position: SIMD2<Double> = [0.33, -0.07], size: Double = 0.07, colour: Colour = [0.85, 0.80, 0.25]
        ) {
            self.position = position
            self.size = size
            self.colour = colour
        }
    }

    /// A camera that stands still.
    package struct View: Equatable, Sendable {
        package var position: Vector3
        package var lookAt: Vector3
        /// Vertical opening angle, radians.
        package var fieldOfView: Double

        package init(position: Vector3, lookAt: Vector3, fieldOfView: Double) {
            self.position = position
            self.lookAt = lookAt
            self.fieldOfView = fieldOfView
        }

        /// The camera, pushed along its own axes.
        /// - Parameter offset: way of the camera, metres: right, down, forward, as its picture is seen.
        package func pushed(by offset: Vector3) -> View {
            // Of a MuJoCo camera: x to the right, y up, looking along -z.
            let way = WorldModel.looking(from: self) * Vector3(offset.x, -offset.y, -offset.z)
            return View(position: position + way, lookAt: lookAt + way, fieldOfView: fieldOfView)
        }
    }

    /// The lamp over the table.
    package struct Light: Equatable, Sendable {
        package var position: Vector3
        /// Brightness, 0 dark ... 1 as bright as a picture takes.
        package var brightness: Double
        package var castsShadows: Bool

        package init(position: Vector3 = [0.1, -0.4, 1.2], brightness: Double = 0.6, castsShadows: Bool = true) {
            self.position = position
            self.brightness = brightness
            self.castsShadows = castsShadows
        }
    }

    /// How much a seed changes the scene; each is the farthest, either way.
    package struct Variation: Equatable, Sendable {
        /// Change of the objects' places, metres along x and y.
        package var objectPosition: Double
        /// Change of the objects' yaw, radians.
        package var objectYaw: Double
        /// Share of 1 by which each channel of a colour changes.
        package var colour: Double
        /// Share of the brightness by which the light changes.
        package var light: Double
        /// Change of the primary camera's place, metres.
        package var camera: Double
        /// Change of the places of mark and tray, metres along x and y.
        package var mark: Double
        package var tray: Double
        /// How often, 0...1, the mark is painted, the tray is built and the object stands at another place than where a
        /// task wants things, or for `reach` the tool, to be. Who learns from such scenes learns to look at the goal.
        package var decoy: Double

        package init(
            objectPosition: Double = 0.03, objectYaw: Double = 0.5, colour: Double = 0.05, light: Double = 0.1,
            camera: Double = 0, mark: Double = 0, tray: Double = 0, decoy: Double = 0
        ) {
            self.objectPosition = objectPosition
            self.objectYaw = objectYaw
            self.colour = colour
            self.light = light
            self.camera = camera
            self.mark = mark
            self.tray = tray
            self.decoy = decoy
        }
        package static let none = Variation(objectPosition: 0, objectYaw: 0, colour: 0, light: 0, camera: 0)
    }

    package var tableColour: Colour
    package var objects: [Object]
    package var tray: Tray?
    package var mark: Mark?
    /// The camera called primary.
    package var primary: View
    /// Vertical opening angle of the camera at the wrist, radians.
    package var wristFieldOfView: Double
    package var light: Light
    package var variation: Variation
    /// Place of the tool point at the beginning, metres, the gripper pointing down; nil: the calibration's neutral
    /// pose.
    package var start: Vector3?
    /// Place to which `reach` wants the tool, metres along x and y, at its height above its object; nil: above its
    /// object.
    package var reachAim: SIMD2<Double>?

    package init(
        tableColour: Colour, objects: [Object], tray: Tray?, mark: Mark?, primary: View, wristFieldOfView: Double,
        light: Light, variation: Variation, start: Vector3?
    ) {
        self.tableColour = tableColour
        self.objects = objects
        self.tray = tray
        self.mark = mark
        self.primary = primary
        self.wristFieldOfView = wristFieldOfView
        self.light = light
        self.variation = variation
        self.start = start
    }

    /// A table with a block, a cylinder, a cup, a tray and a mark, seen over the arm's shoulder as in Bridge.
    package static let tabletop = Scene(
        tableColour: [0.62, 0.52, 0.42],
        objects: [
            Object(name: "block", shape: .block, colour: [0.80, 0.15, 0.12], position: [0.25, -0.02]),
            Object(
                name: "cylinder", shape: .cylinder, size: 0.035, colour: [0.15, 0.55, 0.25], position: [0.37, 0.07]),
            Object(name: "cup", shape: .cup, size: 0.06, colour: [0.90, 0.88, 0.84], position: [0.41, -0.05]),
        ],
        tray: Tray(), mark: Mark(),
        primary: View(position: [0.02, -0.38, 0.48], lookAt: [0.29, 0.03, 0.02], fieldOfView: 0.87),
        wristFieldOfView: 1.2, light: Light(), variation: Variation(), start: [0.21, 0.09, 0.20])

    /// The scene as a seed changes it, within `variation`: same seed, same scene.
    package func varied(seed: UInt64) -> Scene {
        var dice = SplitMix64(seed: seed)
        var scene = self
        // Where the aims move too, a table may come out too full: then all is drawn again, a few times.
        for _ in 0..<(variation.mark > 0 || variation.tray > 0 ? 50 : 1) {
            scene = self
            let haveRoom = scene.moveAims(&dice)
            if scene.placeObjects(&dice), haveRoom { break }
        }
        scene.tableColour = Self.shifted(tableColour, by: variation.colour, &dice)
        scene.light.brightness = min(max(light.brightness * (1 + dice.symmetric(variation.light)), 0), 1)
        scene.primary.position += [
            dice.symmetric(variation.camera), dice.symmetric(variation.camera), dice.symmetric(variation.camera),
        ]
        if scene.hasDecoys { scene.reachAim = scene.barePlace(&dice) }
        return scene
    }

    /// Whether mark or tray stand where no task wants things to be.
    private var hasDecoys: Bool { mark?.paintedAt != nil || tray?.builtAt != nil }

    /// A place on the table, before the arm, without an object; nil where none is found.
    private func barePlace(_ dice: inout SplitMix64) -> SIMD2<Double>? {
        for _ in 0..<50 {
            let place = SIMD2(0.31 + dice.symmetric(0.11), 0.01 + dice.symmetric(0.16))
            if objects.allSatisfy({ (($0.position - place) * ($0.position - place)).sum() > 0.07 * 0.07 }) {
                return place
            }
        }
        return nil
    }

    /// Moves, turns and colours the objects. They must not begin inside each other or the tray: what does not fit is
    /// drawn again, a few times, and else stays where it was.
    /// - Returns: whether each found a place.
    private mutating func placeObjects(_ dice: inout SplitMix64) -> Bool {
        var haveRoom = true
        for index in objects.indices {
            let written = objects[index]
            var fits = false
            for _ in 0..<50 where !fits {
                objects[index].position =
                    written.position + [
                        dice.symmetric(variation.objectPosition), dice.symmetric(variation.objectPosition),
                    ]
                objects[index].yaw = written.yaw + dice.symmetric(variation.objectYaw)
                fits = hasRoom(for: index)
            }
            if !fits { objects[index] = written }
            haveRoom = haveRoom && fits
            objects[index].colour = Self.shifted(written.colour, by: variation.colour, &dice)
        }
        return haveRoom
    }

    /// Moves mark and tray. What does not vary draws nothing: its scenes stay what they are.
    /// - Returns: whether there was room.
    private mutating func moveAims(_ dice: inout SplitMix64) -> Bool {
        func drawn(around place: SIMD2<Double>, by most: Double) -> SIMD2<Double> {
            place + [dice.symmetric(most), dice.symmetric(most)]
        }
        let (markPlace, trayPlace) = (mark?.position, tray?.position)
        if variation.mark > 0, let markPlace { mark?.position = drawn(around: markPlace, by: variation.mark) }
        if variation.tray > 0, let trayPlace { tray?.position = drawn(around: trayPlace, by: variation.tray) }
        guard variation.decoy > 0, dice.happens(variation.decoy) else { return true }
        if let markPlace { mark?.paintedAt = drawn(around: markPlace, by: variation.mark) }
        // A thing must not come to lie across the rim of the tray that is built elsewhere.
        guard let tray, let trayPlace else { return true }
        for _ in 0..<50 {
            let place = drawn(around: trayPlace, by: 2 * variation.tray)
            let away = place - tray.position
            guard abs(away.x) > tray.size.x / 2 + 0.05 || abs(away.y) > tray.size.y / 2 + 0.05 else { continue }
            self.tray?.builtAt = place
            return true
        }
        return false
    }

    private func hasRoom(for index: Int) -> Bool {
        let object = objects[index]
        func clear(of point: SIMD2<Double>, by distance: Double) -> Bool {
            let away = object.position - point
            return (away * away).sum() > distance * distance
        }
        let others = objects.prefix(index)
        guard others.allSatisfy({ clear(of: $0.position, by: 0.75 * (object.size + $0.size) + 0.045) }) else {
            return false
        }
        if let mark, variation.mark > 0, !clear(of: mark.position, by: 0.75 * object.size + mark.size / 2 + 0.01) {
            return false
        }
        guard let tray else { return true }
        let place = Vector3(object.position.x, object.position.y, 0)
        let margin = 0.75 * object.size + 0.02
        return !tray.holds(place, margin: -margin) && !tray.isBuilt(around: place, margin: margin)
    }

    private static func shifted(_ colour: Colour, by most: Double, _ dice: inout SplitMix64) -> Colour {
        var result = colour
        for channel in 0..<3 { result[channel] = min(max(colour[channel] + dice.symmetric(most), 0), 1) }
        return result
    }
}
