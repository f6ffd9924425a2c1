import JSONTree
import ManifestSamples
import Manifests
import Testing
import Time

/// Reading a manifest for its arm alone.
@Suite struct ArmManifestTests {
    private func read(_ text: String, set: [String] = []) throws(ManifestError) -> ArmManifest {
        var overrides: [ManifestOverride] = []
        for text in set { overrides.append(try ManifestOverride(parsing: text)) }
        return try ArmManifest(
            parsing: text.utf8, path: "\(Sample.folder)/robot.json", folder: Sample.folder, overrides: overrides,
            workingFolder: "/home/me", files: Sample.disk)
    }

    private func problems(_ text: String, set: [String] = []) throws -> [String] {
        do throws(ManifestError) {
            _ = try read(text, set: set)
            return []
        } catch {
            guard case .invalid = error else { throw error }
            return error.problems.map { "\($0)" }
        }
    }

    @Test(arguments: [Sample.minimal, Sample.full]) func readsTheSameArmAsTheWholeManifest(_ text: String) throws {
        let whole = try Sample.read(text)
        #expect(try read(text) == ArmManifest(name: whole.name, arm: whole.arm, policyRate: whole.policy.rate))
    }

    @Test func nothingElseHasToBeThereOrRight() throws {
        let arm = "\"arm\": { \"driver\": \"feetech\", \"port\": \"/dev/ttyUSB0\", \"calibration\": \"arm.json\" }"
        let alone = try read("{ \(arm) }")
        #expect(alone.name == "robot" && alone.policyRate == Rate(hertz: 5))
        guard case .feetech(let line) = alone.arm.driver else {
            Issue.record("\(alone.arm.driver)")
            return
        }
        #expect(line.port == "/dev/ttyUSB0" && line.baud == 1_000_000)
        for other in [
            "\"cameras\": {}", "\"cameras\": 7, \"goal\": null",
            "\"policy\": { \"checkpoint\": \"/nowhere\", \"rate_hz\": \"often\" }",
            "\"goal\": { \"source\": \"library\", \"library\": \"/nowhere/at/all\" }", "\"camerass\": {}",
            "\"name\": \"7 of 9\"",
            "\"bus\": { \"transport\": \"pigeon\" }",
        ] {
            #expect(try read("{ \(other), \(arm) }").arm == alone.arm, "\(other)")
        }
    }

    @Test(arguments: [
        ("arm.port=null", "$.arm.port"), ("arm.driver=hydraulic", "$.arm.driver"),
        ("arm.calibration=nowhere.json", "$.arm.calibration"),
        ("arm.state_rate_hz=999", "at most arm.control_rate_hz"), ("arm.contol_rate_hz=100", "control_rate_hz"),
        ("arm.servo_limits.temperature_c=150", "from 30 to 80"), ("arm.port=simulation", "only in a run"),
    ])
    func whatIsWrongWithTheArmIsAnError(_ set: String, _ words: String) throws {
        let text =
            "{ \"arm\": { \"driver\": \"dynamixel\", \"port\": \"/dev/ttyUSB0\", \"calibration\": \"arm.json\" } }"
        #expect(try problems(text) == [])
        let found = try problems(text, set: [set])
        #expect(found.contains { $0.contains(words) }, "\(found)")
    }

    @Test(arguments: ["{}", "[]", "7", "{ \"arms\": {} }"]) func withoutAnArmThereIsNone(_ text: String) throws {
        #expect(try problems(text).first?.hasPrefix("$.arm ") == true)
    }

    @Test func thePolicysRateIsTakenWhereItIsSound() throws {
        #expect(
            try read(Sample.minimal, set: ["policy.rate_hz=10", "policy.checkpoint=/nowhere"]).policyRate
                == Rate(hertz: 10))
        #expect(try read(Sample.minimal, set: ["policy.rate_hz=1e9"]).policyRate == Rate(hertz: 5))
    }
}
