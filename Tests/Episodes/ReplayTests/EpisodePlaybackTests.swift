import EpisodeFixture
import Messages
import Recording
import Replay
import TestSupport
import Testing
import Time

/// A playback, with a clock that goes where the playback says.
private struct Played {
    var playback: EpisodePlayback
    var now = MonotonicTime.zero + .seconds(7)
    var start: MonotonicTime
    var sent: [(message: EpisodeMessage, topic: String, time: MonotonicTime)] = []

    init(_ path: String, _ options: EpisodePlayback.Options = .init()) throws {
        start = now
        playback = try EpisodePlayback(EpisodeFile(path: path), options, at: now)
    }

    /// Until the end, a pause or so many messages.
    /// - Returns: whether it stands at a pause.
    mutating func run(most: Int = .max) throws -> Bool {
        while sent.count < most {
            switch try playback.next(at: now) {
            case .end: return false
            case .pause: return true
            case .wait(let until): now = until
            case .publish(let message, let topic):
                sent.append((message, topic, now))
                playback.confirm()
            }
        }
        return false
    }

    func topics() -> Set<String> { Set(sent.map(\.topic)) }
}

@Suite struct EpisodePlaybackTests {
    private func episode(_ seconds: Double = 3.5) throws -> (RecordedEpisode, String) {
        var episode = try RecordedEpisode.run(seconds: seconds)
        let path = try episode.finish()
        return (episode, path)
    }

    @Test(arguments: [0.5, 1, 4])
    func everyMessageIsPlayedAtItsTime(speed: Double) throws {
        let (kept, path) = try episode()
        var played = try Played(path, .init(schedule: .init(speed: speed)))
        _ = try played.run()
        let summary = try EpisodeSummary(of: EpisodeFile(path: path))
        // All but the operator's command.
        #expect(played.sent.count == Int(summary.messages) - 1 && !played.topics().contains("arm/manual"))
        let first = try #require(played.sent.first?.message.logTime)
        for sent in played.sent {
            let due = played.start + .fromSeconds((sent.message.logTime - first).inSeconds / speed)
            #expect(abs((sent.time - due).nanoseconds) <= 1)
        }
        withExtendedLifetime(kept) {}
    }

    @Test func commandsArePlayedWhereTheyAreAskedFor() throws {
        let (kept, path) = try episode()
        var played = try Played(path, .init(selection: .init(topics: [.init("arm/manual"), .init("camera/")])))
        _ = try played.run()
        #expect(played.topics() == ["arm/manual", "camera/primary/image", "camera/wrist/image"])
        withExtendedLifetime(kept) {}
    }

    @Test func nodesThatRunThemselvesAreLeftOut() throws {
        let (kept, path) = try episode(1)
        var played = try Played(
            path,
            .init(selection: .init(without: [.init("node/*")], live: ["policy"], names: ["arm/state": "arm/recorded"])))
        _ = try played.run()
        #expect(
            played.topics() == [
                "camera/primary/image", "camera/wrist/image", "goal/current", "arm/chunk", "arm/recorded",
            ])
        withExtendedLifetime(kept) {}
    }

    @Test func onlyTheNamedNodesArePlayed() throws {
        let (kept, path) = try episode(1)
        var played = try Played(path, .init(selection: .init(nodes: ["goal", "camera-wrist"])))
        _ = try played.run()
        #expect(played.topics() == ["goal/current", "camera/wrist/image"])
        withExtendedLifetime(kept) {}
    }

    /// The goal was set long before; without it the policy would have nothing to do.
    @Test func whatStillHoldsIsPlayedFirst() throws {
        let (kept, path) = try episode()
        var played = try Played(path, .init(from: .seconds(2), to: .milliseconds(2_500)))
        _ = try played.run()
        #expect(played.sent.prefix(2).map(\.topic) == ["goal/current", "node/arm/status"])
        #expect(played.sent.prefix(2).allSatisfy { $0.time == played.start })
        let rest = played.sent.dropFirst(2)
        #expect(
            rest.allSatisfy {
                $0.message.logTime >= RecordedEpisode.time(2) && $0.message.logTime <= RecordedEpisode.time(2.502)
            })
        #expect(rest.filter { $0.topic == "arm/state" }.count == 26)
        withExtendedLifetime(kept) {}
    }

    @Test func eachStepEndsBeforeTheNextObservation() throws {
        let (kept, path) = try episode(1)
        var played = try Played(path, .init(schedule: .init(isStepping: true)))
        #expect(try played.run())
        var steps = 0
        while true {
            let before = played.sent.filter { $0.topic == "policy/observation" }.count
            #expect(before == steps)
            played.now += .seconds(30)
            played.playback.step()
            steps += 1
            guard try played.run() else { break }
        }
        #expect(steps == 5 && played.playback.steps == 5)
        withExtendedLifetime(kept) {}
    }

    /// The policy itself runs; the steps are still those of the episode.
    @Test func stepsAreTheObservationsEvenIfTheyAreNotPlayed() throws {
        let (kept, path) = try episode(1)
        var played = try Played(path, .init(selection: .init(live: ["policy"]), schedule: .init(isStepping: true)))
        var pauses = 0
        while try played.run() {
            pauses += 1
            played.playback.step()
        }
        #expect(pauses == 5 && !played.topics().contains("policy/observation"))
        withExtendedLifetime(kept) {}
    }

    @Test func stepsCanBeMessages() throws {
        let (kept, path) = try episode(0.1)
        var played = try Played(path, .init(schedule: .init(isStepping: true), stepsByMessage: true))
        var pauses = 0
        while try played.run() {
            #expect(played.sent.count == pauses)
            pauses += 1
            played.playback.step()
        }
        #expect(pauses == played.sent.count && pauses > 5)
        withExtendedLifetime(kept) {}
    }

    @Test func aLoopBeginsAgainWhenTheEndHasPassed() throws {
        let (kept, path) = try episode(0.5)
        let file = try EpisodeFile(path: path)
        let once = Int(try EpisodeSummary(of: file).messages)
        var played = try Played(path, .init(loops: true))
        _ = try played.run(most: 3 * once)
        #expect(played.playback.rounds == 3)
        let length = played.playback.times.upperBound - played.playback.times.lowerBound
        #expect(played.sent[once].message.logTime == played.sent[0].message.logTime)
        #expect(played.sent[once].time - played.sent[0].time == length)
        withExtendedLifetime(kept) {}
    }

    /// It would go round without end, and without time passing.
    @Test func aLoopOfNothingEnds() throws {
        let (kept, path) = try episode(0.5)
        var played = try Played(path, .init(selection: .init(topics: [.init("none")]), loops: true))
        _ = try played.run()
        #expect(played.sent.isEmpty)
        withExtendedLifetime(kept) {}
    }

    @Test func aMessageIsOfferedAgainUntilItIsConfirmed() throws {
        let (kept, path) = try episode(0.5)
        var playback = try EpisodePlayback(EpisodeFile(path: path), .init(), at: .zero + .seconds(1))
        for _ in 0..<3 {
            guard case .publish(let message, _) = try playback.next(at: .zero + .seconds(1)) else {
                Issue.record("nothing is offered")
                return
            }
            #expect(message.topic == "goal/current")
        }
        withExtendedLifetime(kept) {}
    }

    @Test func aPartBehindTheEndIsRefused() throws {
        let (kept, path) = try episode(0.5)
        #expect(throws: PlaybackError.self) { try Played(path, .init(from: .seconds(60))) }
        withExtendedLifetime(kept) {}
    }

    @Test func namesThatFitNothingAreTold() {
        let selection = ReplaySelection(
            topics: [.init("camera/"), .init("arm/stat")], without: [.init("x*")], live: ["polcy"], names: ["a": "b"])
        #expect(
            selection.unmatched(in: ["camera/primary/image", "arm/state"], nodes: ["policy"]) == [
                "arm/stat", "x*", "a", "polcy",
            ])
    }
}
