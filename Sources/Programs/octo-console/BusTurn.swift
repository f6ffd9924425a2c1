import Bus
import CShims
import Console
import Manifests
import Messages
import Time
import Wire

/// The side of the bus: what has come goes to the hubs, what they want goes out. For the thread that owns the bus.
struct BusTurn {
    let server: ConsoleServer
    let bus: BusNode
    private let inbox = Inbox()
    private let manual: Publisher<ManualCommand>
    private let arm: Publisher<ArmCommand>
    private let goals: Publisher<GoalCommand>
    private let episodes: Publisher<EpisodeCommand>

    /// Messages that came since the last turn.
    private final class Inbox {
        var messages: [RawMessage] = []
    }

    /// Listens to everything that is said.
    init(_ server: ConsoleServer, on bus: BusNode) throws(BusError) {
        self.server = server
        self.bus = bus
        manual = bus.publisher(Topics.armManual)
        arm = bus.publisher(Topics.armCommand)
        goals = bus.publisher(Topics.goalCommand)
        episodes = bus.publisher(Topics.episodeCommand)
        let inbox = inbox
        try bus.observeAll(prefix: "") { inbox.messages.append($0) }
    }

    /// Takes what has come, and does what is due.
    /// - Returns: time of the next turn, unless something comes before.
    func turn(at now: MonotonicTime) throws(BusError) -> MonotonicTime {
        octo_event_consume(server.wakeDescriptor)
        let messages = inbox.messages
        inbox.messages.removeAll(keepingCapacity: true)
        let heard = [
            Topics.armManual.name: bus.isHeard(on: Topics.armManual),
            Topics.armCommand.name: bus.isHeard(on: Topics.armCommand),
            Topics.goalCommand.name: bus.isHeard(on: Topics.goalCommand),
            Topics.episodeCommand.name: bus.isHeard(on: Topics.episodeCommand),
        ]
        let (effects, wake) = server.withState { state in
            for message in messages {
                state.hub.receive(message, at: message.receivedTime)
                state.foxglove.receive(message)
            }
            let effects = state.hub.tick(at: now) { heard[$0] ?? false }
            return (effects, state.hub.wake(at: now))
        }
        for effect in effects { try perform(effect, at: now) }
        server.ring(at: now)
        return wake
    }

    private func perform(_ effect: ConsoleHub.Effect, at now: MonotonicTime) throws(BusError) {
        switch effect {
        case .manual(let command): try manual.publish(command, at: now)
        case .arm(let command): try arm.publish(command, at: now)
        case .goal(let command): try goals.publish(command, at: now)
        case .episode(let command): try episodes.publish(command, at: now)
        case .answer(let request, let response): server.answer(request, response)
        }
    }
}

extension ConsoleServer {
    /// Turns all viewers to a run, or tells them that there is none.
    func turn(to run: ConsoleRun?, at now: MonotonicTime) {
        if let run { shelves.turn(to: run.description) }
        let wall = WallTime.now()
        withState { state in
            let isOther = state.hub.run?.description.runID != run?.description.runID
            state.hub.turn(to: run, at: now)
            if isOther {
                state.foxglove.turn(
                    to: run.map {
                        FoxgloveRun(
                            name: $0.description.manifest.name, id: $0.description.runID,
                            // Microseconds are lost in the seconds' digits: nothing is measured by the time of day.
                            wallOffset: .fromSeconds(wall.seconds) - .nanoseconds(now.nanoseconds))
                    })
            }
        }
        ring(at: now)
    }
}
