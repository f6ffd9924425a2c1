import ManifestSamples
import Manifests
import Testing

@Suite struct ConsoleManifestTests {
    @Test func withoutASectionThereIsNoConsole() throws {
        let manifest = try Sample.read(Sample.minimal)
        #expect(manifest.console == nil && !manifest.nodes.contains(Manifest.consoleNode))
    }

    @Test func anEmptySectionIsAConsoleForThisMachine() throws {
        let manifest = try Sample.read(Sample.minimal, set: ["console={}"])
        #expect(manifest.console == Manifest.Console(port: 8080, bind: "127.0.0.1", tokenFile: nil, viewers: 16))
        #expect(manifest.nodes.last == Manifest.consoleNode)
        #expect(!manifest.commandedNodes.contains(Manifest.consoleNode), "nobody commands it")
    }

    @Test func everyKeyIsRead() throws {
        let manifest = try Sample.read(
            Sample.minimal,
            set: [#"console={"port": 0, "bind": "::", "token_file": "/robots/one/arm.json", "viewers": 3}"#])
        #expect(
            manifest.console
                == Manifest.Console(port: 0, bind: "::", tokenFile: "/robots/one/arm.json", viewers: 3))
    }

    @Test(arguments: [
        (#"console={"bind": "0.0.0.0"}"#, "without console.token_file"),
        (#"console={"bind": "192.168.1.4"}"#, "without console.token_file"),
        (#"console={"bind": "::"}"#, "without console.token_file"), (#"console={"bind": "robot"}"#, "\"robot\""),
        (#"console={"bind": "1270.0.0.1"}"#, "1270"), ("console.port=70000", "70000"), ("console.viewers=0", "0"),
        (#"console={"bnd": "x"}"#, "bnd"), (#"console={"token_file": "/nowhere"}"#, "/nowhere"),
    ]) func whatLetsStrangersInIsRefused(set: String, found: String) throws {
        let problems = try Sample.problems(Sample.minimal, set: [set])
        #expect(problems.count == 1 && "\(problems[0])".contains(found), "\(problems)")
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("0.0.0.0", false), ("10.0.0.1", false),
        ("::", false), ("::2", false), ("::ffff:127.0.0.1", false),
    ]) func loopbackIsToldByItsAddress(address: String, isLoopback: Bool) {
        #expect(Manifest.Console.isLoopback(address) == isLoopback)
    }

    @Test(arguments: ["localhost", "", "127.0.0", "127.0.0.1:80", "[::1]"]) func namesAreNoAddresses(text: String) {
        #expect(Manifest.Console.isLoopback(text) == nil)
    }

    @Test func aSectionIsAddedOnlyWhereThereIsNone() throws {
        func console(_ overrides: [ManifestOverride]) throws -> Manifest.Console? {
            try Manifest(
                parsing: Sample.minimal.utf8, path: "robot.json", folder: Sample.folder, overrides: overrides,
                workingFolder: "/home/me", files: Sample.disk
            ).console
        }
        let adding = ManifestOverride.adding(section: "console")
        let port = try ManifestOverride(parsing: "console.port=9000")
        #expect(try console([adding])?.port == 8080)
        #expect(try console([adding, port])?.port == 9000)
        #expect(try console([port, adding])?.port == 9000)
    }
}
