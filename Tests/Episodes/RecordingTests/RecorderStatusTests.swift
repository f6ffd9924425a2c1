import MCAPFiles
import Messages
import Recording
import Testing
import Time
import Wire

/// What the recorder says of itself and of its disk.
@Suite struct RecorderStatusTests {
    private var core = RecorderCore(.init(startsByItself: false))
    private let now = MonotonicTime.zero + .seconds(1)
    private let queueBytes = 64 << 20

    private mutating func ask(
        _ action: EpisodeCommand.Action, _ text: String = "", id: UInt64 = 1
    ) -> [RecorderCore.Action] {
        core.receive(
            EpisodeCommand(id: id, operatorID: "me", action: action, text: text, time: now), at: now, wallTime: "wall")
    }

    private func answer(_ actions: [RecorderCore.Action]) -> EpisodeResult? {
        if case .answer(let result)? = actions.last { core.settled(result) } else { nil }
    }

    private func status(_ file: MCAPFileWriter.Status? = nil, free: UInt64? = nil) -> NodeStatus {
        core.status(
            core.state(at: now, path: ""),
            disk: .init(file: file, queueBytes: queueBytes, freeBytes: free, folder: "/episodes/run"))
    }

    @Test mutating func itSaysWhetherItRecords() {
        #expect(status().state == .ready && status().headline == "not recording; 'octo-record start' begins")
        _ = ask(.start, "grasp")
        #expect(status().state == .ready && status().headline == "recording grasp: 0 messages, 0 MB, 0 missing")
        #expect(status().counters.map(\.name) == ["messages", "bytes", "missing", "refused", "disk_failures"])
    }

    @Test mutating func aDiskThatTakesNothingOrTooLittleIsDegraded() {
        _ = ask(.start, "grasp")
        var file = MCAPFileWriter.Status()
        file.waitingBytes = queueBytes / 4
        #expect(status(file).state == .ready)
        file.waitingBytes += 1
        #expect(status(file).state == .degraded)
        #expect(
            status(file).headline.hasPrefix(
                "the disk is too slow: 16 MB wait for it, from 64 MB on messages are lost"))
        file.problem = .zeroOpcode(offset: 7)
        file.failures = 3
        #expect(status(file).headline.hasPrefix("the disk is too slow"), "it has failed, and goes on")
        file.isStuck = true
        #expect(status(file).headline.hasPrefix("the disk takes nothing (\(MCAPError.zeroOpcode(offset: 7)))"))
        #expect(status(file).state == .degraded)
        #expect(status(file).counters.last?.value == 3)
    }

    @Test mutating func littleSpaceIsToldWhileItRecords() {
        let little: UInt64 = 1 << 30 - 1
        #expect(status(free: little).state == .ready)
        _ = ask(.start, "grasp")
        #expect(status(free: 1 << 30).state == .ready)
        #expect(status(free: little).state == .degraded)
        #expect(status(free: little).headline == "1023 MB are left in /episodes/run")
    }

    // MARK: A file that cannot be made

    @Test mutating func whoBeganAnEpisodeWhoseFileCannotBeMadeIsToldSoAndAgain() {
        let actions = ask(.start, "grasp")
        #expect(answer(actions)?.isAccepted == true, "until the shell has tried")
        core.couldNotOpen("the disk is full")
        #expect(!core.isRecording)
        for asked in [actions, ask(.start, "grasp")] {
            #expect(answer(asked)?.isAccepted == false && answer(asked)?.message == "the disk is full")
        }
        #expect(status().state == .degraded && status().headline == "the disk is full")

        #expect(answer(ask(.start, "grasp", id: 2))?.isAccepted == true)
        #expect(core.openProblem == nil && status().headline.hasPrefix("recording grasp"))
    }

    /// An episode that begins by itself has nobody who asked for it.
    @Test mutating func whatWasAnsweredBeforeStaysSo() throws {
        core = RecorderCore()
        func hear(_ sequence: UInt64) throws {
            let envelope = Envelope(
                schema: "octo.Thing", sequence: sequence, captureTime: nil, publishTime: now, sourceNode: "n",
                instanceID: 1, runID: "r", traceID: 0, hostID: "h")
            _ = try core.receive(topic: "a", envelope: envelope, body: [8, 1], bulk: nil, at: now, wallTime: "wall")
        }
        try hear(0)
        let noted = ask(.note, "a cup", id: 1)
        _ = core.end(at: now)
        try hear(1)
        #expect(core.isRecording, "it begins by itself")
        core.couldNotOpen("the disk is full")
        #expect(answer(noted)?.isAccepted == true)
        let marked = ask(.markSuccess, id: 2)
        #expect(answer(marked)?.isAccepted == true, "the file of the first is there")
        #expect(answer(marked)?.message == "wall-001 marked as success")
    }

    // MARK: Messages

    @Test mutating func aGoalOfTheLibraryBringsItsRecord() throws {
        func actions(_ origin: Goal.Origin, _ sequence: UInt64) throws -> [RecorderCore.Action] {
            let goal = Goal(id: "1", name: "cup", views: [], text: "to the cup", origin: origin)
            let envelope = Envelope(
                schema: Goal.schemaName, sequence: sequence, captureTime: nil, publishTime: now, sourceNode: "goal",
                instanceID: 1, runID: "r", traceID: 0, hostID: "h")
            return try core.receive(
                topic: Topics.goalCurrent.name, envelope: envelope, body: goal.encoded().body, bulk: nil, at: now,
                wallTime: "wall")
        }
        let record = RecorderCore.Action.attachFile(path: "/goals/cup/goal.json", name: "goals/cup/goal.json")
        #expect(try actions(.library(folder: "/goals/cup"), 0) == [record], "kept for the next episode")
        _ = ask(.start, "grasp")
        #expect(try actions(.library(folder: "/goals/cup"), 1).last == record)
        #expect(try !actions(.text, 2).contains(record))
    }

    @Test mutating func whatCannotBeRecordedIsCounted() {
        let envelope = Envelope(
            schema: CameraFrame.schemaName, sequence: 0, captureTime: nil, publishTime: now, sourceNode: "n",
            instanceID: 1, runID: "r", traceID: 0, hostID: "h")
        #expect(throws: WireError.self) {
            try core.receive(
                topic: "camera/primary/image", envelope: envelope, body: [0xFF], bulk: nil, at: now, wallTime: "wall")
        }
        #expect(core.refused == 1)
        #expect(status().counters.first { $0.name == "refused" }?.value == 1)
    }
}
