import Files

/// Why a picture could not be read or written. `source` is the file's path, or what else the bytes came from.
package enum ImageError: Error, Equatable, Sendable {
    case file(FileError)
    /// The bytes are neither a PNG nor a JPEG; `start` holds the first of them, at most eight.
    case unknownFormat(source: String, start: [UInt8])
    /// The header or the pixels are damaged, or of a kind that is not supported; `problem` in the codec's words.
    case undecodable(source: String, format: ImageFormat, problem: String)
    /// A JPEG whose EXIF data says that whoever shows it has to turn or mirror it; 2...8 as EXIF 2.3 numbers them.
    case turned(source: String, orientation: Int)
    /// A PNG through which something else shall be seen.
    case transparent(source: String)
    case tooLarge(source: String, width: Int, height: Int)
    case notEncoded(format: ImageFormat, width: Int, height: Int, problem: String)
}

extension ImageError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let error):
            error.description
        case .unknownFormat(let source, let start):
            "reading the picture \(source): it starts with \(Self.hex(start)), expected a PNG (89 50 4e 47) or a JPEG "
                + "(ff d8 ff). Convert it to PNG, or correct the path."
        case .undecodable(let source, let format, let problem):
            "reading the picture \(source): it is a damaged or unusual \(format.rawValue) (\(problem)), expected a "
                + "whole one with grey or RGB pixels. Take or export it again."
        case .turned(let source, let orientation):
            "reading the picture \(source): its EXIF data says that it is to be turned (orientation \(orientation)), "
                + "expected pixels as they are to be seen. Save it upright, for example with 'jpegtran' or 'exiftran "
                + "-a'."
        case .transparent(let source):
            "reading the picture \(source): some of its pixels are transparent, expected a photograph. Save it without "
                + "transparency."
        case .tooLarge(let source, let width, let height):
            "reading the picture \(source): it says it has \(width)x\(height) pixels, expected at most "
                + "\(ImageHeader.maximumSide) a side and \(ImageHeader.maximumPixels) in all. Make it smaller; the "
                + "policy sees 256x256 of it."
        case .notEncoded(let format, let width, let height, let problem):
            "encoding a picture of \(width)x\(height) as \(format.rawValue): \(problem). Check that memory is "
                + "left (free -m)."
        }
    }

    /// What is wrong with the picture, without its source, for whoever knows where it came from: "a damaged JPEG
    /// (Premature end of JPEG file)".
    package var problem: String {
        switch self {
        case .undecodable(_, let format, let problem): "a damaged \(format.rawValue) (\(problem))"
        case .unknownFormat(_, let start): "neither a PNG nor a JPEG: it starts with \(Self.hex(start))"
        case .turned(_, let orientation): "to be turned (EXIF orientation \(orientation))"
        case .transparent: "transparent"
        case .tooLarge(_, let width, let height): "too large (\(width)x\(height))"
        case .file, .notEncoded: description
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        guard !bytes.isEmpty else { return "nothing (it is empty)" }
        return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
