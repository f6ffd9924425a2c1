import Glibc
import Time

/// A pixel format of a device with its sizes.
package struct V4L2Offer: Equatable, Sendable, CustomStringConvertible {
    package var format: V4L2PixelFormat
    /// Sizes of the frames; empty when the device does not tell.
    package var sizes: [V4L2Size]

    package init(_ format: V4L2PixelFormat, sizes: [V4L2Size]) {
        self.format = format
        self.sizes = sizes
    }

    /// Whether the device may have this size; true as well when it does not tell its sizes, for trying shows.
    package func mayHave(width: Int, height: Int) -> Bool {
        sizes.isEmpty || sizes.contains { $0.contains(width: width, height: height) }
    }

    package var description: String {
        guard !sizes.isEmpty else { return "\(format)" }
        let shown = sizes.prefix(8).map(\.description).joined(separator: " ")
        return "\(format) \(shown)" + (sizes.count > 8 ? " and \(sizes.count - 8) more" : "")
    }
}

extension V4L2Device {
    /// Repeats a request that a signal interrupted.
    package func uninterrupted<Result>(
        _ request: () throws(V4L2Failure) -> Result
    ) throws(V4L2Failure) -> Result {
        while true {
            do throws(V4L2Failure) {
                return try request()
            } catch {
                guard error.errno == EINTR else { throw error }
            }
        }
    }

    /// The formats and sizes that the open device offers.
    package func offers() throws(V4L2Failure) -> [V4L2Offer] {
        let formats = try list { (index) throws(V4L2Failure) in try pixelFormat(at: index) }
        var offers: [V4L2Offer] = []
        for format in formats {
            let sizes = try list { (index) throws(V4L2Failure) in try size(at: index, of: format) }
            offers.append(V4L2Offer(format, sizes: sizes))
        }
        return offers
    }

    /// The rates of one size.
    package func rates(of format: V4L2PixelFormat, width: Int, height: Int) throws(V4L2Failure) -> [Rate] {
        try list { (index) throws(V4L2Failure) in try rate(at: index, of: format, width: width, height: height) }
    }

    /// Lists everything up to the first EINVAL. A driver that does not know the request (ENOTTY) lists nothing.
    private func list<Entry>(_ entry: (Int) throws(V4L2Failure) -> Entry) throws(V4L2Failure) -> [Entry] {
        var entries: [Entry] = []
        // No driver has a tenth as many: one that never ends its list must not hold us.
        while entries.count < 1_000 {
            do throws(V4L2Failure) {
                try entries.append(uninterrupted { () throws(V4L2Failure) in try entry(entries.count) })
            } catch {
                guard error.errno == EINVAL || error.errno == ENOTTY else { throw error }
                break
            }
        }
        return entries
    }
}
