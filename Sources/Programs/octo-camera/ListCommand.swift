import ArgumentParser
import Cameras
import JSONTree
import NodeShell

/// Lists the cameras that this machine has.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the cameras of this machine with their formats, sizes, rates and controls.",
        discussion: """
            Put the first name of a camera into "device" of the manifest: names in /dev/v4l/by-id stay the same \
            whatever else is plugged in, and so does usb:SERIAL. Two cameras of one serial number are told apart by \
            where they are plugged in: names in /dev/v4l/by-path, or the bus in parentheses. Starts no camera; \
            'octo-camera settings' shows the controls' values, 'octo-camera view' a picture.
            """)

    @OptionGroup var json: JSONFlag

    private static let lookedAt = ["/dev/video*", "/dev/v4l/by-id", "/dev/v4l/by-path"]

    func run() {
        let listing = CameraListing(VideoDeviceFiles.present(in: "/dev"), device: KernelV4L2Device())
        if json.isWanted {
            let cameras = listing.entries.map(Self.json)
            print(
                JSONNode.object([
                    "looked_at": JSONNode(.array(Self.lookedAt.map { JSONNode($0) })),
                    "cameras": JSONNode(.array(cameras)),
                ]).text())
        } else if listing.entries.isEmpty {
            print(
                "no cameras: \(Self.lookedAt.joined(separator: ", ")) hold none. Plug one in; 'dmesg --follow' shows "
                    + "whether the kernel sees it.")
        } else {
            print(listing.text)
        }
    }

    private static func json(_ entry: CameraListing.Entry) -> JSONNode {
        let names = JSONNode(.array(entry.files.stableNames.map { JSONNode($0) }))
        switch entry.state {
        case .unknown(let problem):
            return .object([
                "path": JSONNode(entry.path), "device": JSONNode(entry.files.path), "names": names,
                "problem": JSONNode("\(problem)"),
            ])
        case .camera(let capability, let formats, let controls):
            return .object([
                "path": JSONNode(entry.path), "device": JSONNode(entry.files.path), "names": names,
                "card": JSONNode(capability.card), "bus": JSONNode(capability.bus),
                "formats": JSONNode(.array(formats.map(json))),
                "controls": JSONNode(.array(controls.map { SettingsCommand.json($0, controls) })),
            ])
        }
    }

    private static func json(_ format: CameraListing.Format) -> JSONNode {
        let modes = format.modes.map { mode in
            JSONNode.object([
                "width": JSONNode(mode.size.widths.lowerBound), "height": JSONNode(mode.size.heights.lowerBound),
                "max_width": JSONNode(mode.size.widths.upperBound),
                "max_height": JSONNode(mode.size.heights.upperBound),
                "rates_hz": JSONNode(.array(mode.rates.map { JSONNode(number: ($0.hertz * 1000).rounded() / 1000) })),
            ])
        }
        let encoding: JSONNode = format.encoding.map { JSONNode($0.rawValue) } ?? nil
        return .object([
            "pixel_format": JSONNode("\(format.format)"), "format": encoding, "sizes": JSONNode(.array(modes)),
        ])
    }
}
