import Foundation
import Time

/// Makes drawings PNG, by librsvg's program: what a page or a message shows that takes no SVG.
enum FigurePicture {
    /// Number of pixels, either way, for one of the drawing's: letters stay sharp.
    private static let scale = 2

    /// Draws `svg` into `png`. Without the program there is no picture, and the figure is there all the same.
    /// - Returns: what to tell the user when there is no picture; nil when there is.
    static func draw(_ svg: String, to png: String) -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["rsvg-convert", "--zoom=\(scale)", "--output=\(png)", svg]
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
            process.waitUntilExit()
        } catch {
            return "\(png): not drawn (\(error.reason)); \(svg) is the same figure."
        }
        switch process.terminationStatus {
        case 0: return nil
        // What env says when there is no such program.
        case 127: return "\(png): not drawn, as there is no 'rsvg-convert'. Install it with: apt install librsvg2-bin"
        case let status: return "\(png): not drawn, as rsvg-convert ended with \(status); \(svg) is the same figure."
        }
    }
}
