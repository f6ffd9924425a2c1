import Files
import Goals
import JSONTree
import SceneFit
import TestSupport
import Testing

/// Limits that a checkpoint brings.
@Suite struct SceneFitLimitsTests {
    private func parse(_ text: String) throws(JSONFileError) -> SceneFit.Limits {
        try SceneFit.Limits(parsing: Array(text.utf8), file: "goal_fit.json")
    }

    @Test func whatWasMeasuredTakesThePlaceOfTheUsual() throws {
        let limits = try parse(
            """
            {"goal_fit": 1, "limits": [
              {"axis": "camera-shift", "unit": "px of 256", "amber": 4, "red": 16, "measured_to": 32},
              {"axis": "camera-turn", "unit": "degrees", "amber": 3.5, "red": null, "measured_to": 16},
              {"axis": "camera-zoom", "unit": "%", "amber": null, "red": null, "measured_to": 32},
              {"axis": "darker", "amber": 20, "red": null, "measured_to": 60,
               "score": {"amber": 0.12, "red": null, "measured_to": 0.5}},
              {"axis": "brighter", "amber": null, "red": null, "measured_to": 60,
               "score": {"amber": null, "red": null, "measured_to": 0.4}},
              {"axis": "object-moved", "amber": 1, "red": 2, "measured_to": 8},
              {"axis": "channels-swapped", "verdict": "red"}
            ]}
            """)
        #expect(limits.shift == .init(amber: 4.0 / 256, red: 16.0 / 256))
        #expect(limits.rotation == .init(amber: 3.5, red: .infinity))
        // It has not fallen within 32 %: what lies behind nobody knows.
        #expect(limits.scale == .init(amber: 0.32, red: .infinity))
        // It has fallen, and not by half: the usual limit is red.
        #expect(limits.light == .init(amber: 0.12, red: 0.35))
    }

    @Test func aFileThatIsThereAndCannotBeReadIsNotTakenForNone() throws {
        let folder = try TemporaryFolder()
        try FileSystem.makeFolders(folder.file(SceneFit.Limits.fileName))
        let error = #expect(throws: JSONFileError.self) { try SceneFit.Limits(ofCheckpoint: folder.path) }
        #expect(error.map { "\($0)".contains("it is a folder") } == true)
    }

    @Test func whatIsNotKnownStaysUsual() throws {
        #expect(try parse(#"{"limits": [{"axis": "camera-shift", "unknown": "too few"}]}"#) == .usual)
        #expect(try parse(#"{"limits": []}"#) == .usual)
        let folder = try TemporaryFolder()
        #expect(try SceneFit.Limits(ofCheckpoint: folder.path) == .usual)
        let file = try folder.write(Array(#"{"limits": 3}"#.utf8), to: SceneFit.Limits.fileName)
        let error = #expect(throws: JSONFileError.self) { try SceneFit.Limits(ofCheckpoint: folder.path) }
        #expect(error.map { "\($0)".contains(file) && "\($0)".contains("octo-eval align") } == true)
    }

    @Test(arguments: [
        (
            #"{"limits": [{"axis": "camera-shift", "amber": -1, "red": 2, "measured_to": 3}]}"#,
            "limits[0].amber (line 1): found -1, expected a number from 0.0 on"
        ),
        (#"{"limits": [{"axis": "camera-turn", "amber": 3, "red": 2, "measured_to": 3}]}"#, "behind red"),
        (
            #"{"limits": [{"axis": "camera-zoom", "amber": 3, "red": 4}]}"#,
            "limits[0].measured_to (line 1): it is missing"
        ),
        (#"{"limits": [{"amber": 3}]}"#, "limits[0].axis (line 1): it is missing"),
        (#"{"limits": [{"axis": "darker", "amber": "x"}]}"#, "limits[0].measured_to"),
        ("{", "not JSON"), ("[]", "limits (line 1): it is missing"),
    ])
    func whatCannotBeReadIsSaid(text: String, words: String) {
        let error = #expect(throws: JSONFileError.self) { try parse(text) }
        #expect(error.map { "\($0)".contains(words) } == true, "\(error.map { "\($0)" } ?? "")")
    }
}
