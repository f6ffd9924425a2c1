import Foundation

/// A Python for tests that compare with what others wrote.
package enum TestPython {
    /// The first Python that has all modules: the one that the variable names, the one that `.ci/python` made, the
    /// machine's own.
    /// - Parameter variable: of the environment, with a path to an interpreter.
    package static func path(with modules: [String], namedBy variable: String? = nil) -> String? {
        let named = variable.flatMap { ProcessInfo.processInfo.environment[$0] }
        let own = Fixture.packageRoot.appendingPathComponent(".build/python/bin/python3").path
        // Found, not imported: that can take seconds.
        let question = """
            import importlib.util, sys
            sys.exit(not all(importlib.util.find_spec(name) for name in sys.argv[1:]))
            """
        return [named, own, "/usr/bin/python3"].compactMap { $0 }.first { path in
            guard FileManager.default.isExecutableFile(atPath: path) else { return false }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = ["-c", question] + modules
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { return false }
            process.waitUntilExit()
            return process.terminationStatus == 0
        }
    }

    /// Runs a script of the package to its end.
    /// - Parameters:
    ///   - script: its path in the package.
    ///   - quietly: without its complaints, which else go to our own standard error.
    package static func run(
        _ python: String, _ script: String, _ arguments: [String], quietly: Bool = false
    ) throws -> (exitCode: Int32, output: Data) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-B", Fixture.packageRoot.appendingPathComponent(script).path] + arguments
        let output = Pipe()
        process.standardOutput = output
        if quietly { process.standardError = FileHandle.nullDevice }
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
