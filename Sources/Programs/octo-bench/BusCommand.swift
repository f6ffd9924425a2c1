import ArgumentParser
import NodeShell

/// Times the bus beside bare libzmq.
struct BusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bus",
        abstract: "Measure round trips and throughput of a 196,608-byte frame between two processes.")

    func run() throws {
        print("Bus, 196,608-byte frame over ipc, two processes")
        print(try working { try benchmarkBus().report })
    }
}
