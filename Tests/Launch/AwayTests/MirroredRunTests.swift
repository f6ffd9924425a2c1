import Away
import JSONTree
import Testing

/// A robot's run on another machine.
@Suite struct MirroredRunTests {
    private static let run = #"""
        {"version": "0.4.0", "run_id": "0123456789abcdef", "launcher_pid": 7, "started": "now",
         "endpoints": {"camera-a": "ipc:///r/camera-a.ipc", "goal": "ipc:///r/goal.ipc",
          "recorder": "tcp://127.0.0.1:7600"},
         "command_endpoints": {"goal": "ipc:///r/goal.commands.ipc", "recorder": "ipc:///r/recorder.commands.ipc"},
         "manifest_path": "/home/me/robot.json",
         "manifest": {"name": "r", "goal": {"library": "/home/me/goals"},
          "record": {"folder": "/home/me/data/episodes"}}}
        """#

    private static func question(node: String = "recorder", replacing: (String, String) = ("", "")) throws -> JSONNode {
        var text = run
        if let range = text.firstRange(of: replacing.0), !replacing.0.isEmpty {
            text.replaceSubrange(range, with: replacing.1)
        }
        return AwayNode.question(
            node: node, run: try JSONNode(parsing: text.utf8), bootID: "boot", process: 12)
    }

    @Test func theNodeHasItsOwnEndpointsAndAllOthersAreBehindOne() throws {
        let mirrored = try MirroredRun(Self.question(), base: "/run/me", home: "/big/robots", process: 99)
        #expect(mirrored.folder == "/run/me/away-0123456789abcdef-recorder")
        let folder = mirrored.folder
        let run = mirrored.description
        #expect(run["endpoints"]?["recorder"]?.string == "ipc://\(folder)/node.ipc")
        #expect(run["endpoints"]?["goal"]?.string == "ipc://\(folder)/robot.ipc")
        #expect(run["endpoints"]?["camera-a"]?.string == "ipc://\(folder)/robot.ipc")
        #expect(run["command_endpoints"]?["recorder"]?.string == "ipc://\(folder)/node.commands")
        #expect(run["command_endpoints"]?["goal"]?.string == "ipc://\(folder)/robot.commands")
        #expect(run["launcher_pid"]?.int == 99)
        #expect(run["run_id"]?.string == "0123456789abcdef")
        #expect(run["manifest"]?["record"]?["folder"]?.string == "/big/robots/episodes")
        #expect(run["manifest"]?["goal"]?["library"]?.string == "/big/robots/goals")
        #expect(
            mirrored.place
                == RelayPlace(
                    publishes: "ipc://\(folder)/robot.ipc", commandsAt: "ipc://\(folder)/robot.commands",
                    peers: ["ipc://\(folder)/node.ipc"], listeners: ["ipc://\(folder)/node.commands"]))
    }

    @Test func whatIsBoundToTheRobotAndWhatIsNoRunIsRefused() throws {
        for node in ["arm", "policy", "camera-a", "console", ""] {
            #expect(throws: MirroredRun.Refusal.self, "\(node)") {
                try MirroredRun(Self.question(node: node), base: "/b", home: "/h", process: 1)
            }
        }
        for replacing in [
            ("0123456789abcdef", "../../../x/12345"), ("0123456789abcdef", "0123"), ("run_id", "id"),
            ("\"endpoints\"", "\"points\""), ("data/episodes", ".."), (#"{"name""#, #"[1], "m": {"name""#),
        ] {
            #expect(throws: MirroredRun.Refusal.self, "\(replacing)") {
                try MirroredRun(Self.question(replacing: replacing), base: "/b", home: "/h", process: 1)
            }
        }
    }
}
