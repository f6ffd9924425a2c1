import ArmDrivers
import Foundation
import JSONTree
import Kinematics
import TestSupport
import Testing

/// What calibration/schema.json says of calibration files, and what reads them.
@Suite struct CalibrationSchemaTests {
    private static let arms = ["widowx-250s", "wx200", "so101"]

    private func node(_ name: String) throws -> JSONNode {
        try JSONNode(
            parsing: try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/\(name).json")))
    }

    /// Whether the programs take it.
    private func isTaken(_ node: JSONNode) -> Bool {
        let text = Array(node.text().utf8)
        guard let calibration = try? ArmCalibration(parsing: text, file: "x") else { return false }
        return (try? ServoLayout(calibration: text, file: "x", joints: calibration.joints.count)) != nil
    }

    @Test(arguments: arms)
    func theFilesHereAreAsItSays(arm: String) throws {
        #expect(try SchemaValidator.faults(of: node(arm), under: node("schema")) == [])
        #expect(isTaken(try node(arm)))
    }

    /// Each key of each object is taken away, or joined by one that nobody knows: schema and programs agree.
    @Test(arguments: arms)
    func itAgreesWithTheProgramsOnEveryKey(arm: String) throws {
        let (root, schema) = (try node(arm), try node("schema"))
        var changed = 0
        func visit(_ node: JSONNode, _ path: String, _ rebuild: (JSONNode) -> JSONNode) {
            if let members = node.object {
                for index in members.indices {
                    var fewer = members
                    fewer.remove(at: index)
                    compare(rebuild(JSONNode(.object(fewer))), "\(path) without \(members[index].key)")
                    visit(members[index].value, "\(path).\(members[index].key)") {
                        rebuild(node.with(members[index].key, $0))
                    }
                }
                compare(rebuild(node.with("colour", "red")), "\(path) with a colour")
            } else if let elements = node.array, elements.first?.object != nil {
                visit(elements[0], "\(path)[0]") { rebuild(JSONNode(.array([$0] + elements.dropFirst()))) }
            } else {
                compare(rebuild("red"), "\(path) is a colour")
                if node.double != nil { compare(rebuild(JSONNode(1_000_000)), "\(path) is a million") }
            }
        }
        func compare(_ node: JSONNode, _ what: String) {
            changed += 1
            let faults = SchemaValidator.faults(of: node, under: schema)
            #expect(faults.isEmpty == isTaken(node) || what == "$ without servos", "\(arm): \(what): \(faults)")
        }
        visit(root, "$") { $0 }
        #expect(changed > 50)
    }

    @Test func everyKeyIsDescribed() throws {
        func visit(_ schema: JSONNode, _ path: String) {
            for property in schema["properties"]?.object ?? [] {
                let isChoice = property.key == "linkage"
                #expect(isChoice || property.value["description"]?.string != nil, "\(path).\(property.key)")
                visit(property.value, "\(path).\(property.key)")
            }
            if let items = schema["items"] { visit(items, "\(path)[]") }
            for choice in schema["oneOf"]?.array ?? [] { visit(choice, path) }
        }
        visit(try node("schema"), "$")
    }
}
