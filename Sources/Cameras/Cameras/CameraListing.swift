import Glibc
import Time

/// The cameras of a machine and what they offer.
package struct CameraListing: Equatable, Sendable {
    /// One camera of the machine.
    package struct Entry: Equatable, Sendable {
        package var files: VideoDeviceFiles
        package var state: State

        /// The name to put into a manifest.
        package var path: String { files.stableNames.first ?? files.path }
    }
    /// What could be learnt of a camera.
    package enum State: Equatable, Sendable {
        case camera(V4L2Capability, formats: [Format], controls: [ControlReading])
        /// A camera perhaps, that cannot be asked.
        case unknown(V4L2Problem)
    }
    /// One way in which a camera encodes frames, with the sizes in which it does.
    package struct Format: Equatable, Sendable {
        package var format: V4L2PixelFormat
        package var modes: [Mode]

        /// Encoding of the frames; nil: frames of this format are not understood.
        package var encoding: FrameEncoding? { FrameEncoding(format) }
    }
    /// One size of a format, with its rates.
    package struct Mode: Equatable, Sendable {
        package var size: V4L2Size
        /// Frame rates in this size; empty for a range of sizes, and when the device does not tell.
        package var rates: [Rate]
    }

    /// Cameras that were found. Device files that deliver no frames, such as a camera's metadata, are left out.
    package var entries: [Entry]

    /// Lists the cameras; opens each device, which starts no camera.
    package init(_ files: [VideoDeviceFiles], device: some V4L2Device) {
        entries = files.compactMap { files in
            defer { device.close() }
            do throws(V4L2Failure) {
                _ = try device.uninterrupted { () throws(V4L2Failure) in try device.open(files.path) }
                let capability = try device.uninterrupted { () throws(V4L2Failure) in try device.capability() }
                guard capability.captures else { return nil }
                return Entry(
                    files: files,
                    state: .camera(capability, formats: try Self.formats(device), controls: try Self.controls(device)))
            } catch {
                return Entry(files: files, state: .unknown(V4L2Problem(error, present: { [] })))
            }
        }
    }

    private static func formats(_ device: some V4L2Device) throws(V4L2Failure) -> [Format] {
        var formats: [Format] = []
        for offer in try device.offers() {
            var modes: [Mode] = []
            for size in offer.sizes {
                let (width, height) = (size.widths.lowerBound, size.heights.lowerBound)
                let rates = size.isSingle ? try device.rates(of: offer.format, width: width, height: height) : []
                modes.append(Mode(size: size, rates: rates))
            }
            formats.append(Format(format: offer.format, modes: modes))
        }
        return formats
    }

    /// Controls of an open camera; none where it does not tell them, for it is a camera all the same.
    private static func controls(_ device: some V4L2Device) throws(V4L2Failure) -> [ControlReading] {
        do throws(V4L2Failure) {
            return try device.readings()
        } catch {
            if error.errno == ENODEV { throw error }
            return []
        }
    }

    /// The listing for people; empty without cameras.
    package var text: String {
        entries.map { entry in
            let others = (entry.files.stableNames + [entry.files.path]).filter { $0 != entry.path }
            let head = others.isEmpty ? entry.path : "\(entry.path)  (\(others.joined(separator: ", ")))"
            switch entry.state {
            case .unknown(let problem): return "\(head)\n  \(problem)"
            case .camera(let capability, let formats, let controls):
                let lines = formats.filter { $0.encoding != nil }.map { format in
                    let modes = format.modes.map { mode in
                        ([mode.size.description] + (mode.rates.isEmpty ? [] : ["at", Self.text(mode.rates), "Hz"]))
                            .joined(separator: " ")
                    }
                    return "  \(format.format): \(modes.joined(separator: ", "))"
                }
                let others = formats.filter { $0.encoding == nil }.map(\.format.description).joined(separator: " ")
                let names = controls.filter { $0.control.shapesThePicture }.map(\.control.name).joined(separator: " ")
                return
                    ([head, "  \(capability.card) (\(capability.bus))"] + lines
                    + (others.isEmpty ? [] : ["  not understood: \(others)"])
                    + (names.isEmpty ? [] : ["  controls: \(names)"]))
                    .joined(separator: "\n")
            }
        }.joined(separator: "\n")
    }

    private static func text(_ rates: [Rate]) -> String {
        rates.map { rate in
            let hertz = (rate.hertz * 100).rounded() / 100
            return Int(exactly: hertz).map(String.init) ?? "\(hertz)"
        }.joined(separator: "/")
    }
}
