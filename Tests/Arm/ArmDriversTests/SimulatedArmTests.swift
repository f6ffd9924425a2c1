import ArmDrivers
import Foundation
import Maths
import Messages
import Testing
import Time

/// A folder that is removed with the test's last reference to it.
private final class TemporaryFolder {
    let url: URL
    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("octo-servos-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: url) }
    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

private func setpoint(_ positions: JointVector, gripper: Double) -> JointSetpoint {
    JointSetpoint(
        positions: positions, velocities: JointVector(repeating: 0, count: positions.count), gripper: gripper)
}

@Suite struct SimulatedArmTests {
    @Test func passesTheConformanceSuite() throws {
        try ArmDriverConformance(makeDriver: { SimulatedArm(positions: $0) }).check()
    }

    @Test func passesTheConformanceSuiteWithAMemoryFile() throws {
        let folder = try TemporaryFolder()
        var made = 0
        try ArmDriverConformance(makeDriver: { positions in
            made += 1
            let memory = try SimulatedServoMemory(
                path: folder.path("servos-\(made)"), initial: SimulatedServos(positions: positions, gripper: 1))
            return SimulatedArm(memory: memory)
        }).check()
    }

    @Test func followsAsAFirstOrderLag() throws {
        var arm = SimulatedArm(positions: [0, 1], gripper: 1, timeConstant: .milliseconds(100))
        try arm.write(setpoint([1, 1], gripper: 0), at: .zero)
        let state = try arm.read(at: .zero + .milliseconds(100))
        #expect(abs(state.positions[0] - 0.632120558829) < 1e-12)
        #expect(abs(state.positions[1] - 1) < 1e-12)
        #expect(abs(state.gripper - 0.367879441171) < 1e-12)
        #expect(abs(state.velocities[0] - 3.67879441171) < 1e-9, "(s - q) / τ")
    }

    @Test func comesToTheSamePlaceHoweverOftenItIsRead() throws {
        var once = SimulatedArm(positions: [0])
        var often = once
        try once.write(setpoint([0.5], gripper: 1), at: .zero)
        try often.write(setpoint([0.5], gripper: 1), at: .zero)
        for milliseconds in 1...50 { _ = try often.read(at: .zero + .milliseconds(milliseconds)) }
        let a = try once.read(at: .zero + .milliseconds(50))
        let b = try often.read(at: .zero + .milliseconds(50))
        #expect(abs(a.positions[0] - b.positions[0]) < 1e-12)
    }

    @Test func errorsSayWhatToDo() {
        let errors: [ArmDriverError] = [
            .wrongJointCount(found: 2, expected: 6), .setpointNotFinite(joint: 1), .noReply(servo: 3),
            .lateReply(servo: 3),
            .implausible(servo: 3, told: 1, before: 900), .dynamixelError(servo: 3, []),
            .dynamixelError(servo: 3, .voltage),
            .feetechError(servo: 3, [.overheating, .overload]), .torqueLost(servo: 3), .stoppedItself(servo: 3),
            .systemCall(errno: 5),
        ]
        for error in errors {
            #expect(error.description.contains(": ") && error.description.hasSuffix("."))
            #expect(error.servo == nil || error.description.contains("servo 3"))
        }
        for obstacle in [
            ServoObstacle.hardwareError, .otherCalibration, .refusesRegister, .beyondOwnLimits, .unsteadyLine,
        ] {
            #expect(ArmDriverError.notReady(servo: 3, obstacle).description.hasPrefix("setting servo 3 up again: it"))
        }
    }

    /// Each error has its own cause, and its own mend.
    @Test func hardwareErrorsAreNamedWithWhatMendsThem() {
        let mends: [(ArmDriverError, [String])] = [
            (.dynamixelError(servo: 2, .voltage), ["servo 2", "input voltage", "power supply"]),
            (.dynamixelError(servo: 2, .overheating), ["overheating", "cool"]),
            (.dynamixelError(servo: 2, .overload), ["overload", "Free it", "power off and on"]),
            (.dynamixelError(servo: 2, .electricalShock), ["electrical shock", "short circuit"]),
            (.dynamixelError(servo: 2, .encoder), ["encoder", "replace"]),
            (.feetechError(servo: 2, .voltage), ["input voltage", "power supply"]),
            (.feetechError(servo: 2, .overheating), ["overheating", "cool"]),
            (.feetechError(servo: 2, .overload), ["overload", "Free it"]),
            (.feetechError(servo: 2, .angleSensor), ["angle sensor", "replace"]),
            (.feetechError(servo: 2, .overcurrent), ["overcurrent", "short circuit"]),
        ]
        for (error, words) in mends {
            for word in words { #expect(error.description.contains(word), "\(error)") }
        }
        #expect(ArmDriverError.systemCall(errno: 5).description.contains("Input/output error"))
    }
}

@Suite struct SimulatedServoMemoryTests {
    private let initial = SimulatedServos(positions: [0.1, 0.2, 0.3], gripper: 0.75)

    @Test func aRestartedDriverFindsTheServosWhereTheyWereLeft() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("servos")
        var left = JointVector([])
        do {
            let memory = try SimulatedServoMemory(path: path, initial: initial)
            #expect(!memory.wasFound)
            var arm = SimulatedArm(memory: memory)
            try arm.write(setpoint([1, 1, 1], gripper: 0), at: .zero)
            left = try arm.read(at: .zero + .milliseconds(20)).positions
        }
        let memory = try SimulatedServoMemory(path: path, initial: initial)
        #expect(memory.wasFound)
        var arm = SimulatedArm(memory: memory)
        #expect(try arm.read(at: .zero + .milliseconds(20)).positions == left)
        // Meanwhile they went on to the setpoint they had, as servos do.
        let later = try arm.read(at: .zero + .seconds(5))
        #expect((later.positions - [1, 1, 1]).magnitude < 1e-9)
        #expect(later.gripper < 1e-9)
    }

    @Test func theFileIsCurrentWithoutBeingClosed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("servos")
        let memory = try SimulatedServoMemory(path: path, initial: initial)
        var arm = SimulatedArm(memory: memory)
        try arm.write(setpoint([0.4, 0.5, 0.6], gripper: 1), at: .zero)
        let present = try arm.read(at: .zero + .seconds(9))
        // A copy is what a process started after a kill would see.
        try FileManager.default.copyItem(atPath: path, toPath: folder.path("copy"))
        let seen = try SimulatedServoMemory(path: folder.path("copy"), initial: initial).servos
        #expect(seen.positions == present.positions)
        #expect(seen.goal == [0.4, 0.5, 0.6])
        #expect(seen.time == .zero + .seconds(9))
    }

    @Test func onlyOneDriverMovesTheServosAtATime() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("servos")
        var first: SimulatedServoMemory? = try SimulatedServoMemory(path: path, initial: initial)
        #expect(first?.wasFound == false)
        let error = #expect(throws: SimulatedServoMemoryError.inUse(path: path)) {
            _ = try SimulatedServoMemory(path: path, initial: initial)
        }
        #expect(error?.description.contains("Stop that process") == true)
        #expect(first?.servos == initial)
        first = nil
        #expect(try SimulatedServoMemory(path: path, initial: initial).wasFound)
    }

    @Test func aMemoryFromBeforeTheLastBootIsTakenAsItStands() throws {
        let folder = try TemporaryFolder()
        var servos = initial
        servos.time = .zero + .seconds(1_000_000)
        let memory = try SimulatedServoMemory(path: folder.path("servos"), initial: servos)
        var arm = SimulatedArm(memory: memory)
        #expect(try arm.read(at: .zero + .seconds(3)).positions == initial.positions)
        try arm.write(setpoint([0, 0, 0], gripper: 0), at: .zero + .seconds(3))
        #expect(try arm.read(at: .zero + .seconds(6)).positions.magnitude < 1e-9)
    }

    @Test func refusesAFileThatIsSomethingElseAndLeavesItAlone() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("letter")
        let letter = Data(repeating: 0x41, count: 256)
        try letter.write(to: URL(fileURLWithPath: path))
        #expect(throws: SimulatedServoMemoryError.foreignFile(path: path)) {
            _ = try SimulatedServoMemory(path: path, initial: initial)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == letter)
        let short = folder.path("short")
        try Data("hello".utf8).write(to: URL(fileURLWithPath: short))
        #expect(throws: SimulatedServoMemoryError.wrongSize(path: short, found: 5, expected: 256)) {
            _ = try SimulatedServoMemory(path: short, initial: initial)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: short)) == Data("hello".utf8))
    }

    @Test func refusesAnotherArmsMemory() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("servos")
        _ = try SimulatedServoMemory(path: path, initial: initial)
        #expect(throws: SimulatedServoMemoryError.wrongJointCount(path: path, found: 3, expected: 2)) {
            _ = try SimulatedServoMemory(path: path, initial: SimulatedServos(positions: [0, 0], gripper: 0))
        }
    }

    @Test func refusesAnotherFormatAndDamage() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("servos")
        _ = try SimulatedServoMemory(path: path, initial: initial)
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(good.count == 256)
        #expect(good.prefix(8) == Data("OctoSrvo".utf8))
        var newer = good
        newer[8] = 2
        try newer.write(to: URL(fileURLWithPath: path))
        #expect(throws: SimulatedServoMemoryError.wrongVersion(path: path, found: 2, expected: 1)) {
            _ = try SimulatedServoMemory(path: path, initial: initial)
        }
        var damaged = good
        for byte in 40..<48 { damaged[byte] = 0xFF }
        try damaged.write(to: URL(fileURLWithPath: path))
        #expect(throws: SimulatedServoMemoryError.damaged(path: path)) {
            _ = try SimulatedServoMemory(path: path, initial: initial)
        }
    }

    @Test func aFileWhoseMakerDiedHalfwayCountsAsNew() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("servos")
        _ = try SimulatedServoMemory(path: path, initial: initial)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for byte in 0..<8 { bytes[byte] = 0 }
        try bytes.write(to: URL(fileURLWithPath: path))
        let memory = try SimulatedServoMemory(path: path, initial: initial)
        #expect(!memory.wasFound)
        #expect(memory.servos == initial)
    }

    @Test func saysWhyAFileCannotBeOpened() throws {
        let path = "/nonexistent-folder/servos"
        let error = #expect(throws: SimulatedServoMemoryError.self) {
            _ = try SimulatedServoMemory(path: path, initial: initial)
        }
        #expect(
            error?.description
                == """
                opening the simulated servos' memory /nonexistent-folder/servos: open failed \
                (No such file or directory), expected a file that can be written. \
                Check the folder and its rights, or set another path.
                """)
    }
}
