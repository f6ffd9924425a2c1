import Foundation
import JSONTree
import Messages
import Recording
import TestSupport
import Testing
import Time
import Wire

extension EndToEnd {
    /// A checkpoint that reads the arm's state, from the manifest to the verified episode.
    @Suite struct ProprioTests {
        private static let checkpoint = Fixture.url("octo/case5_proprio_l1/checkpoint").path

        @Test func aPolicyThatReadsTheArmMovesItAndItsEpisodeComesOutTheSameBitForBit() throws {
            let pipeline = try Pipeline(
                // Its statistics have no name.
                [
                    "record.enabled=true",
                    #"policy={"checkpoint": "\#(Self.checkpoint)", "rate_hz": 5, "proprio": "bridge"}"#,
                ])
            try pipeline.waitUntilMoving()
            try pipeline.letTick(300)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let path = try #require(summary["episodes"]?.array?.first?["path"]?.string)
            let observations = try EpisodeFile(path: path).messages(of: Topics.policyObservation).map(\.message)
            #expect(observations.count > 5)
            for observation in observations {
                let read = try #require(observation.proprio)
                #expect(read.values.count == observation.timestepPadMask.count * 8)
                #expect(read.before <= observation.time && observation.time <= read.after)
                #expect(read.values[6] == 0 && (0...1).contains(read.values[7]))
            }
            // The arm moves, and the policy feels it.
            #expect(Set(observations.compactMap { $0.proprio?.values.suffix(8).first }).count > 1)

            let verified = try Program.run("octo-replay", ["verify", path, "--json"], limit: 120)
            let report = try JSONNode(parsing: Array(verified.output.utf8))
            #expect(verified.exitCode == 0, "\(verified.output)\(verified.errors)")
            #expect(report["identical"]?.bool == true && report["complete"]?.bool == true, "\(verified.output)")
        }
    }
}
