import JSONTree
import Maths

extension JSONFileKind {
    /// Scene files, read by `Scene`.
    package static let scene = JSONFileKind(
        name: "the scene", remedy: "Correct the file; octo-sim scene prints a complete example.")
}

extension Scene {
    /// Reads a scene file; what it leaves out is as in `tabletop`, and a key that is null there is left away (`tray`,
    /// `mark`, `start_m`).
    ///
    /// - Parameters:
    ///   - text: JSON, UTF-8. Lengths in metres (`_m`), angles in radians (`_rad`), masses in kilograms (`_kg`).
    ///   - file: how the file is called in errors.
    /// - Throws: all problems of the file at once, each with its JSON path.
    package init(parsing text: some Collection<UInt8>, file: String) throws(JSONFileError) {
        self = try JSONFileKind.scene.read(text, file: file) { SceneReader(json: $1).scene($0) }
    }

    /// The scene as a file has it.
    package var tree: JSONNode {
        func numbers(_ values: Double...) -> JSONNode { JSONNode(.array(values.map { JSONNode(number: $0) })) }
        func colour(_ c: Colour) -> JSONNode { numbers(c.x, c.y, c.z) }
        func point(_ v: Vector3) -> JSONNode { numbers(v.x, v.y, v.z) }
        func place(_ p: SIMD2<Double>) -> JSONNode { numbers(p.x, p.y) }
        let aim: JSONNode = reachAim.map(place) ?? nil
        return .object([
            "table_colour": colour(tableColour),
            "objects": JSONNode(
                .array(
                    objects.map {
                        .object([
                            "name": JSONNode($0.name), "shape": JSONNode($0.shape.rawValue),
                            "size_m": JSONNode(number: $0.size),
                            "mass_kg": JSONNode(number: $0.mass), "colour": colour($0.colour),
                            "position_m": place($0.position), "yaw_rad": JSONNode(number: $0.yaw),
                        ])
                    })),
            "tray": tray.map {
                .object([
                    "position_m": place($0.position), "size_m": place($0.size), "colour": colour($0.colour),
                    "built_at_m": $0.builtAt.map(place) ?? nil,
                ])
            } ?? nil,
            "mark": mark.map {
                .object([
                    "position_m": place($0.position), "size_m": JSONNode(number: $0.size), "colour": colour($0.colour),
                    "painted_at_m": $0.paintedAt.map(place) ?? nil,
                ])
            } ?? nil,
            "primary_camera": .object([
                "position_m": point(primary.position), "look_at_m": point(primary.lookAt),
                "field_of_view_rad": JSONNode(number: primary.fieldOfView),
            ]),
            "wrist_camera": .object(["field_of_view_rad": JSONNode(number: wristFieldOfView)]),
            "light": .object([
                "position_m": point(light.position), "brightness": JSONNode(number: light.brightness),
                "shadows": JSONNode(.bool(light.castsShadows)),
            ]),
            "variation": .object([
                "object_position_m": JSONNode(number: variation.objectPosition),
                "object_yaw_rad": JSONNode(number: variation.objectYaw), "colour": JSONNode(number: variation.colour),
                "light": JSONNode(number: variation.light), "camera_m": JSONNode(number: variation.camera),
                "mark_m": JSONNode(number: variation.mark), "tray_m": JSONNode(number: variation.tray),
                "decoy": JSONNode(number: variation.decoy),
            ]),
            "start_m": start.map { point($0) } ?? nil, "reach_at_m": aim,
        ])
    }
}

/// Reads a scene's values, each within what makes sense.
private struct SceneReader {
    let json: JSONReader

    func scene(_ root: JSONNode) -> Scene {
        var scene = Scene.tabletop
        let known = [
            "$schema", "table_colour", "objects", "tray", "mark", "primary_camera", "wrist_camera", "light",
            "variation",
            "start_m", "reach_at_m",
        ]
        guard json.expectKeys(known, optional: known, of: root, at: "") else { return scene }
        colour(root["table_colour"], "table_colour", &scene.tableColour)
        if let list = root["objects"] {
            scene.objects = json.elements(list, at: "objects").enumerated().map { object($1, "objects[\($0)]") }
            checkNames(scene.objects, list)
        }
        scene.tray = root["tray"].map { $0.isNull ? nil : tray($0) } ?? scene.tray
        scene.mark = root["mark"].map { $0.isNull ? nil : mark($0) } ?? scene.mark
        if let node = section(
            root["primary_camera"], "primary_camera", ["position_m", "look_at_m", "field_of_view_rad"])
        {
            point(node["position_m"], "primary_camera.position_m", &scene.primary.position)
            point(node["look_at_m"], "primary_camera.look_at_m", &scene.primary.lookAt)
            number(node["field_of_view_rad"], "primary_camera.field_of_view_rad", 0.1...2.5, &scene.primary.fieldOfView)
        }
        if let node = section(root["wrist_camera"], "wrist_camera", ["field_of_view_rad"]) {
            number(node["field_of_view_rad"], "wrist_camera.field_of_view_rad", 0.1...2.5, &scene.wristFieldOfView)
        }
        if let node = section(root["light"], "light", ["position_m", "brightness", "shadows"]) {
            point(node["position_m"], "light.position_m", &scene.light.position)
            number(node["brightness"], "light.brightness", 0...1, &scene.light.brightness)
            scene.light.castsShadows =
                json.flag(node["shadows"], at: "light.shadows") ?? scene.light.castsShadows
        }
        let amounts = [
            "object_position_m", "object_yaw_rad", "colour", "light", "camera_m", "mark_m", "tray_m", "decoy",
        ]
        if let node = section(root["variation"], "variation", amounts) {
            number(node["object_position_m"], "variation.object_position_m", 0...0.5, &scene.variation.objectPosition)
            number(node["object_yaw_rad"], "variation.object_yaw_rad", 0...Double.pi, &scene.variation.objectYaw)
            number(node["colour"], "variation.colour", 0...1, &scene.variation.colour)
            number(node["light"], "variation.light", 0...1, &scene.variation.light)
            number(node["camera_m"], "variation.camera_m", 0...0.5, &scene.variation.camera)
            number(node["mark_m"], "variation.mark_m", 0...0.5, &scene.variation.mark)
            number(node["tray_m"], "variation.tray_m", 0...0.5, &scene.variation.tray)
            number(node["decoy"], "variation.decoy", 0...1, &scene.variation.decoy)
        }
        if let node = root["start_m"] {
            var start = Vector3.zero
            if !node.isNull { point(node, "start_m", &start) }
            scene.start = node.isNull ? nil : start
        }
        site(root["reach_at_m"], "reach_at_m", &scene.reachAim)
        return scene
    }

    private func object(_ node: JSONNode, _ path: String) -> Scene.Object {
        var object = Scene.Object(name: "", shape: .block, colour: [0.8, 0.2, 0.2], position: [0.25, 0])
        let keys = ["name", "shape", "size_m", "mass_kg", "colour", "position_m", "yaw_rad"]
        let optional = ["size_m", "mass_kg", "colour", "yaw_rad"]
        guard json.expectKeys(keys, optional: optional, of: node, at: path) else { return object }
        object.name = json.string(node["name"], at: path + ".name")
        object.shape = json.choice(node["shape"], at: path + ".shape") ?? object.shape
        number(node["size_m"], path + ".size_m", 0.022...0.065, &object.size)
        number(node["mass_kg"], path + ".mass_kg", 0.001...0.5, &object.mass)
        colour(node["colour"], path + ".colour", &object.colour)
        place(node["position_m"], path + ".position_m", &object.position)
        number(node["yaw_rad"], path + ".yaw_rad", -Double.pi...Double.pi, &object.yaw)
        return object
    }

    /// Checks the objects' names: one of a thing of the world itself would be found in its place.
    private func checkNames(_ objects: [Scene.Object], _ node: JSONNode) {
        let taken = ["world", "hand", "tray", "left_finger", "right_finger"]
        for (index, object) in objects.enumerated() where !object.name.isEmpty {
            if taken.contains(object.name) || objects[..<index].contains(where: { $0.name == object.name }) {
                json.report(node, "objects[\(index)].name", "'\(object.name)' is taken, expected a name of its own")
            }
        }
    }

    private func tray(_ node: JSONNode) -> Scene.Tray {
        var tray = Scene.Tray()
        guard let node = section(node, "tray", ["position_m", "size_m", "colour", "built_at_m"]) else { return tray }
        place(node["position_m"], "tray.position_m", &tray.position)
        place(node["size_m"], "tray.size_m", &tray.size)
        if let size = node["size_m"],
            !(tray.size.x > 0.02 && tray.size.y > 0.02 && tray.size.x < 0.6 && tray.size.y < 0.6)
        {
            json.report(size, "tray.size_m", "found \(tray.size.x) by \(tray.size.y), expected 0.02 to 0.6 either way")
        }
        colour(node["colour"], "tray.colour", &tray.colour)
        site(node["built_at_m"], "tray.built_at_m", &tray.builtAt)
        return tray
    }

    private func mark(_ node: JSONNode) -> Scene.Mark {
        var mark = Scene.Mark()
        guard let node = section(node, "mark", ["position_m", "size_m", "colour", "painted_at_m"]) else { return mark }
        place(node["position_m"], "mark.position_m", &mark.position)
        number(node["size_m"], "mark.size_m", 0.01...0.3, &mark.size)
        colour(node["colour"], "mark.colour", &mark.colour)
        site(node["painted_at_m"], "mark.painted_at_m", &mark.paintedAt)
        return mark
    }

    // MARK: Values

    /// An object none of whose keys must be there.
    private func section(_ node: JSONNode?, _ path: String, _ keys: [String]) -> JSONNode? {
        guard let node else { return nil }
        return json.expectKeys(keys, optional: keys, of: node, at: path) ? node : nil
    }

    private func number(_ node: JSONNode?, _ path: String, _ range: ClosedRange<Double>, _ result: inout Double) {
        result = json.number(node, at: path, in: range) ?? result
    }

    private func numbers(_ node: JSONNode?, _ path: String, count: Int, _ range: ClosedRange<Double>) -> [Double]? {
        guard let node, let values = json.numbers(node, at: path) else { return nil }
        if values.count == count, values.allSatisfy(range.contains) { return values }
        json.report(node, path, expected: "\(count) numbers from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    private func colour(_ node: JSONNode?, _ path: String, _ result: inout Scene.Colour) {
        if let c = numbers(node, path, count: 3, 0...1) { result = [c[0], c[1], c[2]] }
    }

    private func point(_ node: JSONNode?, _ path: String, _ result: inout Vector3) {
        if let p = numbers(node, path, count: 3, -5...5) { result = [p[0], p[1], p[2]] }
    }

    /// Reads a place on the table, or null.
    private func site(_ node: JSONNode?, _ path: String, _ result: inout SIMD2<Double>?) {
        guard let node, !node.isNull else { return }
        var found = SIMD2<Double>.zero
        place(node, path, &found)
        result = found
    }

    /// Reads a place on the table.
    private func place(_ node: JSONNode?, _ path: String, _ result: inout SIMD2<Double>) {
        if let p = numbers(node, path, count: 2, -0.8...0.8) { result = [p[0], p[1]] }
    }
}
