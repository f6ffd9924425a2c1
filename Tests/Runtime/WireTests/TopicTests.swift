import Images
import Messages
import Testing
import Wire

@Suite struct TopicTests {
    @Test func topicsAreNamedAsInTheDesign() {
        #expect(Topics.cameraImage("primary").name == "camera/primary/image")
        #expect(Topics.goalCurrent.name == "goal/current")
        #expect(Topics.policyObservation.name == "policy/observation")
        #expect(Topics.policyChunk.name == "policy/chunk")
        #expect(Topics.armState.name == "arm/state")
        #expect(Topics.armChunk.name == "arm/chunk")
        #expect(Topics.armLoop.name == "arm/loop")
        #expect(Topics.nodeStatus("policy").name == "node/policy/status")
    }

    @Test func framesAndStatesAreNewestOnlyAndGoalsLatchedAndChunksEachCount() {
        #expect(Topics.cameraImage("wrist").delivery == .latest)
        #expect(Topics.armState.delivery == .latest)
        #expect(Topics.goalCurrent.delivery == .latched)
        #expect(Topics.nodeStatus("arm").delivery == .latched)
        #expect(Topics.policyChunk.delivery != .latest && Topics.policyChunk.delivery != .latched)
    }

    @Test func thePatternForStatusesMatchesNothingElse() {
        let pattern = Topics.allNodeStatuses
        #expect(pattern.matches("node/policy/status"))
        #expect(!pattern.matches("node/policy/log"))
        #expect(!pattern.matches("anode/policy/status"))
        // Prefix and suffix overlap in this one.
        #expect(!TopicPattern<NodeStatus>(prefix: "node/s", suffix: "/status", capacity: 1).matches("node/status"))
    }

    @Test(arguments: Samples.all) func everyMessageCanBeShownAsText(_ sample: AnySample) throws {
        let encoded = try sample.encoded()
        let text = try encoded.body.withUnsafeBytes { body in
            try MessageCatalogue.json(schema: sample.schema, body: body, bulk: encoded.bulk)
        }
        #expect(text.hasPrefix("{") && text.hasSuffix("}"))
        #expect(MessageCatalogue.schemaNames.contains(sample.schema))
    }

    @Test func textShowsUnitsAndPlainNumbers() throws {
        let body = try Samples.chunk.encoded().body
        let text = try body.withUnsafeBytes {
            try MessageCatalogue.json(schema: "octo.ActionChunk", body: $0, bulk: nil)
        }
        #expect(text.contains("\"step_duration_ns\":200000000"))
        #expect(text.contains("ACTION_SPACE_EEF_DELTA"))
    }

    @Test func anUnknownSchemaIsNamedWithTheKnownOnes() {
        #expect(throws: WireError.unknownSchema("octo.Teapot", known: MessageCatalogue.schemaNames)) {
            try MessageCatalogue.json(
                schema: "octo.Teapot", body: UnsafeRawBufferPointer(start: nil, count: 0), bulk: nil)
        }
    }
}
