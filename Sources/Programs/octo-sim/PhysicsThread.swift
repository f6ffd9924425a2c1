import ArmDrivers
import CShims
import ClosedLoop
import Foundation
import Maths
import RealTime
import ServoEmulation
import Simulation
import Synchronization
import Threads
import Time

/// State that the threads of the simulation share.
final class SharedStates: Sendable {
    struct Figures {
        var steps: Int64 = 0
        var skipped: Int64 = 0
        /// A step was skipped within the last second.
        var isLate = false
        /// Progress of the task; nil where the manifest sets no task.
        var progress: TaskWatch.Progress?
        /// Time at which the arm began to move; nil before, and where the manifest sets no task.
        var begin: MonotonicTime?

        var isReached: Bool { if case .reached? = progress { true } else { false } }
    }
    private struct Content {
        var state: WorldState
        /// Time at which `state` was true.
        var time: MonotonicTime
        var figures = Figures()
        var problem: String?
        var summary: String
    }
    private let content: Mutex<Content>

    init(_ state: WorldState, summary: String) {
        content = Mutex(Content(state: state, time: .now(), summary: summary))
    }

    var newest: (state: WorldState, time: MonotonicTime) { content.withLock { ($0.state, $0.time) } }
    var figures: Figures { content.withLock { $0.figures } }
    var problem: String? { content.withLock { $0.problem } }
    var summary: String { content.withLock { $0.summary } }

    func put(_ state: WorldState, at time: MonotonicTime, _ figures: Figures) {
        content.withLock {
            $0.state = state
            $0.time = time
            $0.figures = figures
        }
    }

    func fail(_ problem: String) { content.withLock { $0.problem = problem } }
}

/// Servos at a pseudo-terminal whose shafts the world turns.
struct SimulatedServoBus {
    let layout: ServoLayout
    let bus: EmulatedDynamixelBus
    let server: EmulationServer
    private let start: JointVector
    /// Joints, and the gripper after them, whose servos were switched on. Before that the arm stands as in its stand:
    /// how long a driver takes to start must not decide where it begins.
    private var wereOn: Set<Int> = []

    /// Plugs the servos in at a pseudo-terminal.
    /// - Parameters:
    ///   - start: angles at which the arm stands until its servos are switched on, radians.
    ///   - link: path of the link at which the driver finds the servos.
    init(layout: ServoLayout, start: JointVector, baud: Int, link: String) throws(EmulationError) {
        self.layout = layout
        self.start = start
        bus = layout.emulatedDynamixel(at: start, baud: baud, seed: 1)
        let terminal = PseudoTerminal(link: link)
        try terminal.plugIn()
        server = EmulationServer(bus: bus, terminal: terminal)
    }

    /// Tells the world what the servos want; a joint whose torque was switched off is let go.
    mutating func drive(_ world: World) {
        var wanted = world.armPositions
        var opening = world.gripperOpening
        var limp: [Int] = []
        for (index, joint) in layout.joints.enumerated() {
            if let pulses = bus.drive(of: joint.id) {
                wanted[index] = joint.radians(pulses)
                wereOn.insert(index)
            } else if wereOn.contains(index) {
                limp.append(index)
            } else {
                wanted[index] = start[index]
            }
        }
        if let pulses = bus.drive(of: layout.gripper.id) {
            opening = layout.gripper.opening(pulses)
            wereOn.insert(layout.joints.count)
        } else if wereOn.contains(layout.joints.count) {
            limp.append(layout.joints.count)
        }
        world.command(wanted, gripper: opening)
        for joint in limp { world.release(joint: joint) }
    }

    /// Tells the servos where the world's joints are.
    func sense(_ world: World) {
        let (positions, velocities, torques) = (world.armPositions, world.armVelocities, world.armTorques)
        for (index, joint) in layout.joints.enumerated() {
            let perRadian = Double(joint.direction) * 4096 / (2 * .pi)
            let shaft = EmulatedShaft(
                position: Double(joint.zeroPulse) + positions[index] * perRadian,
                velocity: velocities[index] * perRadian,
                effort: torques[index] / WorldModel.strongestTorque * Double(joint.direction))
            for id in [joint.id] + joint.shadows { bus.setShaft(shaft, of: id) }
        }
        let opening = world.gripperOpening
        bus.setShaft(
            EmulatedShaft(
                position: Double(layout.gripper.pulse(opening)), velocity: 0,
                effort: world.gripForce / WorldModel.strongestGrip), of: layout.gripper.id)
    }

    /// A world that is gone shows as servos with an electrical error.
    func fail() { for id in bus.ids { bus.setHardwareError(0x10, at: id) } }
}

/// Lets the world run in real time and its servos answer, on a thread of its own.
// Sendable: world and servos belong to the thread once it has started; before that to whoever makes it.
final class PhysicsThread: @unchecked Sendable {
    let states: SharedStates
    private let world: World
    private var servos: SimulatedServoBus?
    private let task: ManipulationTask?
    private let stopFlag = StopFlag()
    private var thread: RealTimeThread?
    /// Objects that people put elsewhere: index, and place in metres.
    private let placements = Mutex<[(index: Int, position: Vector3)]>([])
    /// Longest time that the world catches up by hurrying; what is beyond is lost.
    private static let mostBehind = Duration.milliseconds(100)

    /// Prepares the thread.
    /// - Parameter task: task that the world is judged by; nil judges nothing.
    init(_ world: World, task: ManipulationTask?, servos: SimulatedServoBus?) {
        self.world = world
        self.task = task
        self.servos = servos
        states = SharedStates(
            world.state,
            summary: "\(world.scene.objects.count) objects, \(world.calibration.name)"
                + (servos.map { " with servos \($0.bus.ids.map(String.init).joined(separator: " "))" } ?? ""))
        servos?.sense(world)
    }

    /// Starts the thread, with real-time rights below the arm's, where there are any: a servo answers at once, whatever
    /// else runs.
    func start() throws(ThreadStartError) -> RealTimeReport {
        let rights = RealTimeRights(fifoPriority: 60, locksMemory: false, cpu: nil, timerSlackNanoseconds: 1)
        let thread = RealTimeThread("physics", rights: rights) { [self] in run() }
        self.thread = thread
        return try thread.start()
    }

    /// Puts an object elsewhere, before the next step.
    func place(object index: Int, at position: Vector3) { placements.withLock { $0.append((index, position)) } }

    func stop() {
        stopFlag.raise()
        thread?.join()
        servos?.server.terminal.pullOut()
    }

    private func run() {
        let step = Duration.fromSeconds(world.stepSeconds)
        var next = MonotonicTime.now()
        var figures = SharedStates.Figures()
        var lastSkip = MonotonicTime.zero
        var isAlive = true
        var watch = TaskWatch()
        while !stopFlag.isSet {
            let now = MonotonicTime.now()
            if now - next > Self.mostBehind {
                let skipped = (now - next).nanoseconds / step.nanoseconds
                figures.skipped += skipped
                next += .nanoseconds(skipped * step.nanoseconds)
                lastSkip = now
            }
            while isAlive, next <= now, !stopFlag.isSet {
                servos?.bus.advance(to: next)
                servos?.drive(world)
                do throws(WorldError) {
                    try place()
                    try world.advance(steps: 1)
                } catch {
                    isAlive = false
                    servos?.fail()
                    states.fail("\(error)")
                }
                servos?.sense(world)
                figures.steps += 1
                next += step
                figures.isLate = lastSkip > .zero && now - lastSkip < .seconds(1)
                if isAlive, figures.steps % 5 == 0 {
                    if let task {
                        watch.see(tool: world.baseFromEEF.translation, isDone: task.isDone(in: world), at: next)
                        (figures.progress, figures.begin) = (watch.progress, watch.begin)
                    }
                    states.put(world.state, at: next, figures)
                }
            }
            if !isAlive { next = now + step }
            wait(until: next)
        }
    }

    /// A person's wish can wait for a step: the lock is not waited for.
    private func place() throws(WorldError) {
        guard
            let wishes = placements.withLockIfAvailable({ (list: inout [(index: Int, position: Vector3)]) in
                defer { if !list.isEmpty { list = [] } }
                return list
            })
        else { return }
        for wish in wishes {
            try world.place(
                object: wish.index,
                at: Pose(rotation: world.pose(ofObject: wish.index).rotation, translation: wish.position))
        }
    }

    /// Answers the driver, until the next step is due.
    private func wait(until next: MonotonicTime) {
        guard let servos else {
            octo_sleep_until_ns(next.nanoseconds)
            return
        }
        while true {
            let now = MonotonicTime.now()
            servos.server.receive(at: now)
            servos.server.send(at: .now())
            if now >= next { return }
            var polled = [pollfd(fd: servos.server.terminal.descriptor, events: Int16(POLLIN), revents: 0)]
            let deadline = min(servos.bus.nextReplyTime ?? next, next)
            _ = octo_poll_until_ns(&polled, 1, deadline.nanoseconds)
            // With nobody at the other end the terminal is readable for ever, and has nothing.
            if polled[0].revents & Int16(POLLHUP) != 0 {
                octo_sleep_until_ns(next.nanoseconds)
                return
            }
        }
    }
}
