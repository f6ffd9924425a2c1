import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Libraries that others wrote talk to our emulated servos: what they understand, and what they get refused.
    @Suite(.serialized) struct VendorLibraryTests {
        /// A Python with the vendors' libraries: the one that `.ci/python` made, else the machine's own.
        private static let python: String? = {
            let own = Fixture.packageRoot.appendingPathComponent(".build/python/bin/python3").path
            return [own, "/usr/bin/python3"].first { path in
                guard FileManager.default.isExecutableFile(atPath: path) else { return false }
                let process = Process()
                process.executableURL = URL(fileURLWithPath: path)
                process.arguments = ["-c", "import dynamixel_sdk, scservo_sdk"]
                process.standardError = FileHandle.nullDevice
                guard (try? process.run()) != nil else { return false }
                process.waitUntilExit()
                return process.terminationStatus == 0
            }
        }()
        private static let missing: Comment = """
            no python3 with dynamixel-sdk and feetech-servo-sdk; .ci/python puts one into .build/python
            """

        private struct Script {
            var name: String
            var emulated: [String]
        }
        private static let dynamixel = Script(name: "dynamixel", emulated: ["--driver", "dynamixel", "--ids", "1,2"])
        private static let feetech = Script(name: "feetech", emulated: ["--driver", "feetech"])

        private func run(_ script: Script, faults: [String] = []) throws -> Program.Outcome {
            let servos = try EmulatedServos(faults.flatMap { ["--fault", $0] }, of: script.emulated)
            let file = Fixture.packageRoot.appendingPathComponent("Tests/EndToEnd/sdk/\(script.name).py").path
            let program = try RunningProgram(
                executable: try #require(Self.python), ["-B", file, servos.link])
            return withExtendedLifetime(servos) { program.waitForEnd(limit: 60) }
        }

        @Test(.enabled(if: python != nil, missing))
        func theDynamixelLibraryDrivesOurServos() throws {
            let outcome = try run(Self.dynamixel)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.hasSuffix("checks passed\n"), "\(outcome.output)")
        }

        @Test(.enabled(if: python != nil, missing))
        func theFeetechLibraryDrivesOurServos() throws {
            let outcome = try run(Self.feetech)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.hasSuffix("checks passed\n"), "\(outcome.output)")
        }

        /// The checks above can fail: damage on the line is seen by the vendors' libraries too.
        @Test(.enabled(if: python != nil, missing))
        func damageIsSeenByTheLibraries() throws {
            for script in [Self.dynamixel, Self.feetech] {
                let damaged = try run(script, faults: ["corrupt 0.5"])
                #expect(
                    damaged.exitCode == 1 && damaged.errors.contains("expected"), "\(script.name): \(damaged.errors)")
            }
            let alone = try run(Self.feetech, faults: ["missing 4"])
            #expect(alone.exitCode == 1 && alone.errors.contains("ping 4"), "\(alone.errors)")
            let ill = try run(Self.dynamixel, faults: ["error 1 32"])
            #expect(ill.exitCode == 1 && ill.errors.contains("found (1020, 0, 128)"), "\(ill.errors)")
        }

        @Test func servosAreNamedOnceAndWithTheirProtocol() throws {
            let link = "/tmp/octo-no-link"
            for (arguments, words) in [
                (["--ids", "1,2"], "--driver feetech"), (["--driver", "canopen"], "dynamixel or feetech"),
                (["--driver", "feetech", "--ids", "1,1"], "different numbers"),
                (["--driver", "feetech", "--ids", "1,253"], "0 to 252"),
                (["--driver", "feetech", "--ids", "1", "--calibration", "x.json"], "one of them"),
            ] {
                let outcome = try Program.run("octo-arm", ["emulate", "--link", link] + arguments)
                #expect(outcome.exitCode != 0 && outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
            }
            let calibration = Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json").path
            let other = try Program.run(
                "octo-arm", ["emulate", "--link", link, "--driver", "feetech", "--calibration", calibration])
            #expect(
                other.exitCode == 2 && other.errors.contains("found dynamixel, expected feetech"), "\(other.errors)")
            #expect(!FileManager.default.fileExists(atPath: link))
        }
    }
}
