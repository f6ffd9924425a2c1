import ArgumentParser
import CShims
import Foundation
import JSONTree
import NodeShell
import ServoTools
import Time

/// Finds out which device an arm's adapter is.
struct FindPortCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find-port",
        abstract: "Find the arm's serial port: unplug the arm, and see which port goes.",
        discussion: """
            Lists the serial adapters. With more than one, it asks for the arm's to be unplugged and says which it \
            was; names in /dev/serial/by-id stay the same whatever else is plugged in.

            Exit codes: 0 found, 1 none was unplugged in time, 2 there is no adapter.
            """)

    @Flag(help: "Only list the adapters.")
    var list = false

    @Flag(help: "Ask for the arm's adapter to be unplugged, even if there is only one.")
    var unplug = false

    @Option(help: ArgumentHelp("Wait this long for an adapter to be unplugged.", valueName: "seconds"))
    var patience = 60.0

    @OptionGroup var json: JSONFlag

    @Option(name: .customLong("dev"), help: .hidden)
    var folder = "/dev"

    func validate() throws {
        guard (1...3_600).contains(patience) else { throw ValidationError("--patience: give 1 to 3600 seconds.") }
    }

    func run() throws {
        let before = SerialDevices.present(in: folder)
        if before.devices.isEmpty { throw NoAdapter(folder: folder) }
        if !json.isWanted { print(Self.text(before.devices)) }
        if list || (before.devices.count == 1 && !unplug) {
            return tell(before.devices.count == 1 ? before.devices[0] : nil, before)
        }
        note("unplug the arm's adapter now ...")
        let deadline = MonotonicTime.now() + .fromSeconds(patience)
        var missing: [SerialDevices.Device] = []
        while missing.isEmpty {
            guard MonotonicTime.now() < deadline else {
                throw WorkFailure("waiting for an adapter to be unplugged: none was within \(patience) s. Try again.")
            }
            octo_sleep_until_ns((MonotonicTime.now() + .milliseconds(100)).nanoseconds)
            missing = before.missing(in: .present(in: folder))
        }
        tell(missing[0], before)
        if !json.isWanted { print("plug it in again") }
    }

    private func tell(_ device: SerialDevices.Device?, _ all: SerialDevices) {
        if json.isWanted {
            let devices = all.devices.map { device in
                JSONNode.object([
                    "path": JSONNode(device.path), "device": JSONNode(device.device),
                    "accessible": JSONNode(.bool(device.isAccessible)),
                ])
            }
            let found: JSONNode = device.map { JSONNode($0.path) } ?? nil
            print(JSONNode.object(["port": found, "devices": JSONNode(.array(devices))]).text())
        } else if let device {
            print("the arm's port is \(device.path): set arm.port to it")
        }
    }

    private static func text(_ devices: [SerialDevices.Device]) -> String {
        devices.map { device in
            let alias = device.path == device.device ? "" : "  (\(device.device))"
            let rights = device.isAccessible ? "" : "  no access: sudo usermod -aG dialout $USER, and log in again"
            return device.path + alias + rights
        }.joined(separator: "\n")
    }
}

/// No serial adapter is plugged in.
private struct NoAdapter: Error, CustomStringConvertible {
    let folder: String

    var description: String {
        "looking for serial adapters in \(folder): found no ttyUSB or ttyACM device, expected the arm's. Plug it in; "
            + "'dmesg --follow' shows whether the kernel sees it."
    }
}
