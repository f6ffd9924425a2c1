import JSONTree
import Maths
import Simulation
import TestSupport
import Testing

@Suite struct SceneTests {
    private func parse(_ text: String) throws(JSONFileError) -> Scene {
        try Scene(parsing: Array(text.utf8), file: "scene.json")
    }

    @Test func aSceneWrittenReadsBackTheSame() throws {
        for seed in [0, 1, 99] as [UInt64] {
            var scene = Scene.tabletop.varied(seed: seed)
            if seed == 99 { scene = Self.wide.varied(seed: seed) }
            if seed == 1 { (scene.tray, scene.mark, scene.start) = (nil, nil, nil) }
            #expect(try Scene(parsing: Array(scene.tree.text(indented: true).utf8), file: "s") == scene)
        }
    }

    /// Everything varies, and what is seen of the aims always lies elsewhere.
    private static let wide: Scene = {
        var scene = Scene.tabletop
        scene.variation = Scene.Variation(objectPosition: 0.05, mark: 0.04, tray: 0.05, decoy: 1)
        return scene
    }()

    @Test(arguments: 0..<50 as Range<UInt64>)
    func marksAndTraysMoveAndNothingStandsOnThem(seed: UInt64) throws {
        let scene = Self.wide.varied(seed: seed)
        let (mark, tray) = (try #require(scene.mark), try #require(scene.tray))
        let usual = (mark: try #require(Scene.tabletop.mark), tray: try #require(Scene.tabletop.tray))
        for (away, most) in [(mark.position - usual.mark.position, 0.04), (tray.position - usual.tray.position, 0.05)] {
            #expect(abs(away.x) <= most && abs(away.y) <= most && away != .zero)
        }
        #expect(mark.paintedAt != nil && tray.builtAt != nil)
        for object in scene.objects {
            let place = Vector3(object.position.x, object.position.y, 0)
            let away = object.position - mark.position
            #expect((away * away).sum().squareRoot() > (object.size + mark.size) / 2, "\(object.name) on the mark")
            var built = tray
            built.position = tray.builtAt ?? tray.position
            #expect(!tray.holds(place) && !built.holds(place), "\(object.name) in the tray")
        }
        // Without decoys what is seen is what counts.
        var plain = Self.wide
        plain.variation.decoy = 0
        let seen = plain.varied(seed: seed)
        #expect(seen.mark?.paintedAt == nil && seen.tray?.builtAt == nil && seen.reachAim == nil)
        // What `reach` is about is bare table, away from everything that it could be taken for.
        let aim = try #require(scene.reachAim)
        for object in scene.objects {
            let away = object.position - aim
            #expect((away * away).sum().squareRoot() > 0.07, "\(object.name)")
        }
    }

    @Test func decoysAreDrawnWhereTheyStandNotWhereTheTaskWantsThings() throws {
        let scene = Self.wide.varied(seed: 4)
        let model = WorldModel.mjcf(scene, try widowX())
        let (mark, tray) = (try #require(scene.mark), try #require(scene.tray))
        let (painted, built) = (try #require(mark.paintedAt), try #require(tray.builtAt))
        #expect(model.contains("name=\"mark\" type=\"box\" pos=\"\(painted.x) \(painted.y) "))
        #expect(model.contains("<body name=\"tray\" pos=\"\(built.x) \(built.y) 0\">"))
        #expect(
            !model.contains("\(mark.position.x) \(mark.position.y)")
                && !model.contains("\(tray.position.x) \(tray.position.y)"))
    }

    @Test func whatDoesNotVaryLeavesScenesAsTheyWere() {
        // Drawn before marks and trays could move.
        let scene = Scene.tabletop.varied(seed: 7)
        #expect(scene.mark == Scene.tabletop.mark && scene.tray == Scene.tabletop.tray)
        #expect(scene.objects[0].position == SIMD2(0.2433897849034763, -0.04899270232831063))
    }

    @Test func whatAFileLeavesOutIsAsOnTheUsualTable() throws {
        #expect(try parse("{}") == .tabletop)
        let scene = try parse(#"{"light": {"brightness": 0.2}, "tray": null}"#)
        #expect(scene.light.brightness == 0.2)
        #expect(scene.light.position == Scene.tabletop.light.position)
        #expect(scene.tray == nil)
        #expect(scene.objects == Scene.tabletop.objects)
    }

    @Test func everythingWrongIsToldAtOnceWithItsPath() throws {
        let error = #expect(throws: JSONFileError.self) {
            try parse(
                """
                {"colour": 1, "light": {"brightness": 2, "shadows": "yes"}, "mark": 3, "start_m": [0, 1],
                 "objects": [{"name": "hand", "shape": "ball", "position_m": [0.2, 0]},
                             {"shape": "cup", "size_m": 1, "position_m": "here", "colour": [0, 0, 7]}]}
                """)
        }
        let text = "\(try #require(error))"
        for word in [
            "colour (line 1): this key is not known",
            "light.brightness (line 1): found 2, expected a number from 0.0 to 1.0",
            "light.shadows", "mark (line 1): found 3, expected an object", "start_m",
            "objects[0].shape (line 2): found \"ball\", expected one of "
                + "\"block\", \"cylinder\", \"cup\"", "'hand' is taken", "objects[1].name (line 3): it is missing",
            "objects[1].size_m",
            "objects[1].position_m", "objects[1].colour",
        ] { #expect(text.contains(word), "\(word) in \(text)") }
        #expect(throws: JSONFileError.self) { try parse("[]") }
        #expect(throws: JSONFileError.self) { try parse("{") }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func hostileTextNeverTraps(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let good = Array(Scene.tabletop.tree.text().utf8)
        for _ in 0..<2_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = .random(in: 32...126, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(.random(in: 0...255, using: &generator), at: place)
                }
            }
            _ = try? Scene(parsing: bytes, file: "seed \(seed)")
        }
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func aSeedChangesTheSceneWithinItsVariation(seed: UInt64) {
        let scene = Scene.tabletop.varied(seed: seed)
        #expect(scene == Scene.tabletop.varied(seed: seed))
        #expect(scene != Scene.tabletop.varied(seed: seed + 1))
        let most = Scene.tabletop.variation
        for (object, written) in zip(scene.objects, Scene.tabletop.objects) {
            let away = object.position - written.position
            #expect(abs(away.x) <= most.objectPosition && abs(away.y) <= most.objectPosition)
            #expect(abs(object.yaw - written.yaw) <= most.objectYaw)
        }
        // No two begin inside each other.
        for (index, object) in scene.objects.enumerated() {
            for other in scene.objects[..<index] {
                let away = object.position - other.position
                #expect((away * away).sum().squareRoot() > 0.71 * (object.size + other.size))
            }
        }
        var still = Scene.tabletop
        still.variation = .none
        #expect(still.varied(seed: seed) == still)
    }

    @Test func theCameraLooksWhereItIsTold() {
        let view = Scene.tabletop.primary
        let turn = WorldModel.looking(from: view)
        let ahead = turn * Vector3(0, 0, -1)
        let way = (view.lookAt - view.position) / (view.lookAt - view.position).length
        #expect((ahead - way).length < 1e-9)
        // Upright: the picture's right is level.
        #expect(abs((turn * Vector3(1, 0, 0)).z) < 1e-9)
        #expect((turn * Vector3(0, 1, 0)).z > 0)
        let down = WorldModel.looking(from: .init(position: [0.3, 0, 1], lookAt: [0.3, 0, 0], fieldOfView: 1))
        #expect((down * Vector3(0, 0, -1) - Vector3(0, 0, -1)).length < 1e-9)
    }
}
