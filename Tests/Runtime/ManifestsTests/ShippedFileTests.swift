import Manifests
import Testing

@Suite struct ShippedFileTests {
    private func path(_ name: String, files: Set<String>) -> String {
        let probe = FileProbe(kind: { files.contains($0) ? .file : nil }, names: { _ in [] })
        return ShippedFile.path(name, probe: probe, program: "/home/ann/octo/.build/release/octo-eval")
    }

    @Test func theWorkingFolderComesFirstThenTheProjectOfTheProgram() {
        #expect(
            path("launch/sim.json", files: ["launch/sim.json", "/home/ann/octo/launch/sim.json"]) == "launch/sim.json")
        #expect(path("launch/sim.json", files: ["/home/ann/octo/launch/sim.json"]) == "/home/ann/octo/launch/sim.json")
        #expect(
            path("launch/sim.json", files: ["/home/ann/octo/launch/sim.json", "/home/launch/sim.json"])
                == "/home/ann/octo/launch/sim.json", "the nearest")
        #expect(
            path("launch/sim.json", files: ["/home/ann/share/octo-runtime/launch/sim.json"])
                == "/home/ann/share/octo-runtime/launch/sim.json", "installed")
        #expect(path("/launch/sim.json", files: ["/home/ann/octo/launch/sim.json"]) == "/launch/sim.json")
        #expect(path("launch/sim.json", files: []) == "launch/sim.json", "whoever reads it says that it is not there")
    }
}
