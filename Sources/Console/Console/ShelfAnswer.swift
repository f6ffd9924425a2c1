import Files
import Images
import Messages

/// What the answers of shelves and jobs have in common.
enum ShelfAnswer {
    /// Quality of the pictures that are encoded here.
    private static let quality = 85
    /// Widths that a page may ask for, pixels.
    private static let widths = 16...4096

    /// The refusal of what is not read with GET; nil for a request that is.
    static func refusal(of request: WebRequest) -> WebResponse? {
        guard request.method != "GET", request.method != "HEAD" else { return nil }
        var answer = WebResponse.error(405, "\(request.method.prefix(20)) is not answered here, only GET is.")
        answer.headers["Allow"] = "GET, HEAD"
        return answer
    }

    /// Reads `?width=320` of a picture's address.
    /// - Returns: nil where it is not there.
    /// - Throws: `BadWidth` for what is no width.
    static func width(in request: WebRequest) throws(BadWidth) -> Int? {
        guard let text = request.query["width"] else { return nil }
        guard let width = Int(text), widths.contains(width) else { throw BadWidth(text: text) }
        return width
    }

    /// Why a picture cannot be had in this width.
    struct BadWidth: Error {
        var text: String

        var response: WebResponse {
            WebResponse.error(
                400, "width: found '\(text.prefix(20))', expected \(widths.lowerBound) to \(widths.upperBound) pixels.")
        }
    }

    /// Makes a JPEG file of a picture, scaled down where it is wider than is wanted.
    static func encoded(_ image: RGBImage, width: Int?) throws(ImageError) -> [UInt8] {
        let file = try scaled(image, to: width).jpegData(quality: quality)
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    /// Makes a JPEG file of a frame: the camera's own where it is one and nothing smaller is wanted.
    /// - Parameter source: names the frame in an error.
    static func encoded(
        _ pixels: CameraFrame.Pixels, width: Int?, source: String
    ) throws(ImageError) -> [UInt8] {
        switch pixels {
        case .rgb8(let image): return try encoded(image, width: width)
        case .jpeg(let file, let own, _):
            guard let width, width < own else { return withExtendedLifetime(file) { Array(file.bytes) } }
            return try encoded(RGBImage(decoding: file, source: source), width: width)
        }
    }

    private static func scaled(_ image: RGBImage, to width: Int?) -> RGBImage {
        guard let width, width < image.width else { return image }
        let height = max(1, (image.height * width + image.width / 2) / image.width)
        return ImageResize(fromWidth: image.width, height: image.height, toWidth: width, height: height).resize(image)
    }
}
