import Console
import Messages
import TestSupport
import Testing
import Time
import Wire

@Suite struct ConsoleCommandTests {
    @Test(arguments: [
        (#"{"action":"stop"}"#, ConsoleCommand.arm(.emergencyStop)),
        (#"{"action":"reset"}"#, .arm(.resetEmergencyStop)),
        (#"{"action":"goal.set","name":"cup","expected_goal_id":""}"#, .goal(.set(name: "cup"), expectedGoalID: "")),
        (#"{"action":"goal.text","text":"lift"}"#, .goal(.setText("lift"), expectedGoalID: nil)),
        (#"{"action":"goal.clear"}"#, .goal(.clear, expectedGoalID: nil)),
        (#"{"action":"goal.delete","name":"<b>"}"#, .deleteGoal(name: "<b>")),
        (
            #"{"action":"goal.take","name":"cup","replaces":true,"viewer":3}"#,
            .take(.init(name: "cup", replaces: true, origin: .teleop), viewer: 3)
        ),
        (#"{"action":"episode.start"}"#, .episode(.start, text: "")),
        (#"{"action":"episode.note","text":"it slipped"}"#, .episode(.note, text: "it slipped")),
    ]) func commandsAreRead(body: String, command: ConsoleCommand) throws {
        let read = try ConsoleCommand(parsing: Array(body.utf8))
        #expect(read == command && ConsoleCommand.names.contains(read.action))
    }

    @Test(arguments: [
        ("", "no JSON"), ("{}", "no \"action\""), (#"{"action":"fly"}"#, "expected one of stop"),
        (#"{"action":7}"#, "no \"action\""), (#"{"action":"goal.set"}"#, "needs \"name\""),
        (#"{"action":"goal.set","name":""}"#, "needs \"name\""), (#"{"action":"goal.set","name":7}"#, "a number"),
        (#"{"action":"goal.take","name":"a"}"#, "needs \"viewer\""), (#"{"action":"episode.note"}"#, "needs \"text\""),
    ]) func whatCannotBeUnderstoodIsSaid(body: String, words: String) throws {
        let error = try #require(throws: ConsoleCommandError.self) { try ConsoleCommand(parsing: Array(body.utf8)) }
        #expect("\(error)".contains(words), "\(error)")
    }

    @Test(arguments: [
        #"{"action":"goal.set","name":"LONG"}"#, #"{"action":"goal.clear","expected_goal_id":"LONG"}"#,
        #"{"action":"goal.delete","name":"LONG"}"#, #"{"action":"goal.take","name":"LONG","viewer":1}"#,
    ]) func namesAreNoLongerThanTheBusTakes(body: String) throws {
        func read(_ count: Int) throws -> ConsoleCommand {
            let name = String(repeating: "x", count: count)
            return try ConsoleCommand(parsing: Array(body.replacing("LONG", with: name).utf8))
        }
        #expect(throws: ConsoleCommandError.self) { try read(256) }
        if case .goal(let action, let expected) = try read(255) {
            let command = GoalCommand(
                id: 1, operatorID: "page 1", action: action, expectedGoalID: expected, time: .zero)
            #expect(throws: Never.self) { try command.encoded() }
        }
    }

    @Test func notesAreOfBoundedLength() {
        let note = String(repeating: "x", count: 5000)
        #expect(throws: ConsoleCommandError.self) {
            try ConsoleCommand(parsing: Array(#"{"action":"episode.note","text":"\#(note)"}"#.utf8))
        }
    }

    @Test func garbageNeverCrashes() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<2000 {
            let body = (0..<Int.random(in: 0..<64, using: &generator)).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            #expect(throws: ConsoleCommandError.self) { try ConsoleCommand(parsing: body) }
        }
    }
}
