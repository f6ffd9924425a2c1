import Bus
import Messages
import Testing
import Time
import Wire

@Suite struct LatchedTests {
    @Test func whoComesLateGetsTheLastValueAtOnce() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("goal", at: folder.endpoint())
        let publisher = writer.publisher(Topics.goalCurrent)
        for name in ["first", "second", "third"] { try publisher.publish(Sample.goal(name), at: .now()) }
        let reader = try folder.node("policy", peers: [folder.endpoint()])
        let goals = try reader.subscribe(Topics.goalCurrent)
        var goal: Goal?
        try letWork(writer, reader, until: "the goal") {
            goal = goals.take()?.message
            return goal != nil
        }
        #expect(goal == Sample.goal("third"))
        // The first message seen is no gap, whatever its number.
        #expect(reader.statistics.total.lost == 0 && reader.statistics.total.superseded == 0)
    }

    @Test func whoIsThereAlreadyDoesNotGetItAgain() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("goal", at: folder.endpoint())
        try writer.publisher(Topics.goalCurrent).publish(Sample.goal("one"), at: .now())
        let early = try folder.node("policy", peers: [folder.endpoint()])
        let earlyGoals = try early.subscribe(Topics.goalCurrent)
        try letWork(writer, early, until: "the goal") { earlyGoals.take() != nil }

        let late = try folder.node("echo", peers: [folder.endpoint()])
        let lateGoals = try late.subscribe(Topics.goalCurrent)
        try letWork(writer, late, until: "the goal, late") { lateGoals.take() != nil }
        try letWork(writer, early, until: "the same value again") {
            early.statistics.received["goal/current"]?.duplicates ?? 0 > 0
        }
        #expect(earlyGoals.take() == nil)
        let counts = try #require(early.statistics.received["goal/current"])
        #expect(counts.received == 1 && counts.lost == 0 && counts.superseded == 0)
    }

    @Test func aSecondSubscriptionOfTheSameProcessIsServedToo() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("goal", at: folder.endpoint())
        try writer.publisher(Topics.goalCurrent).publish(Sample.goal("one"), at: .now())
        let reader = try folder.node("policy", peers: [folder.endpoint()])
        let first = try reader.subscribe(Topics.goalCurrent)
        try letWork(writer, reader, until: "the goal") { first.take() != nil }
        let second = try reader.subscribe(Topics.goalCurrent)
        try letWork(writer, reader, until: "the goal once more") { second.take() != nil }
        #expect(first.take() == nil)
    }

    @Test func aPatternIsServedFromEveryLatchedTopicItMatches() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("several", at: folder.endpoint())
        for name in ["arm", "camera", "policy"] {
            try writer.publisher(Topics.nodeStatus(name)).publish(Sample.status, at: .now())
        }
        let reader = try folder.node("launch", peers: [folder.endpoint()])
        let statuses = try reader.subscribe(Topics.allNodeStatuses)
        try letWork(writer, reader, until: "three statuses") { statuses.count == 3 }
    }

    @Test func aRestartedWriterIsFoundAgainAndItsValueTaken() throws {
        let folder = try SocketFolder()
        let reader = try folder.node("policy", peers: [folder.endpoint()])
        let goals = try reader.subscribe(Topics.goalCurrent)
        for name in ["before", "after"] {
            let writer = try folder.node("goal", at: folder.endpoint())
            try writer.publisher(Topics.goalCurrent).publish(Sample.goal(name), at: .now())
            try letWork(writer, reader, until: "the goal \(name) the restart") {
                goals.take()?.message == Sample.goal(name)
            }
            writer.close()
        }
        let counts = try #require(reader.statistics.received["goal/current"])
        // Both began with sequence 0, from different instances.
        #expect(counts.received == 2 && counts.lost == 0 && counts.duplicates == 0)
    }

    @Test func topicsThatAreNotLatchedAreNotSentAgain() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("policy", at: folder.endpoint())
        try writer.publisher(Topics.policyChunk).publish(Sample.chunk(1), at: .now())
        let reader = try folder.node("arm", peers: [folder.endpoint()])
        let chunks = try reader.subscribe(Topics.policyChunk)
        // The mark is asked for later, so by then the chunk would have come.
        try link(writer, to: reader)
        #expect(chunks.take() == nil)
    }
}
