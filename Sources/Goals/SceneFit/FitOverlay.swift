import Files
import Images

/// Pictures that show how a goal and a live picture differ, good enough to put a camera back by hand.
package enum FitOverlay {
    package static let panelCount = 5

    /// Panels of the goal, the live picture, both laid over each other, where they differ (bright is much), and their
    /// edges.
    /// - Returns: nil when the pictures are of different sizes.
    package static func panels(goal: RGBImage, live: RGBImage) -> [RGBImage]? {
        guard goal.width == live.width, goal.height == live.height else { return nil }
        return [goal, live, blend(goal, live), difference(goal, live), edges(goal, live)]
    }

    /// Draws edges of the goal in red and of the live picture in cyan; where they meet they are white.
    package static func edges(_ goal: RGBImage, _ live: RGBImage) -> RGBImage {
        let (a, b) = (outline(goal), outline(live))
        let pixels = SharedBytes(count: a.count * 3) { (memory) throws(Never) in
            for index in a.indices {
                memory[3 * index] = a[index]
                memory[3 * index + 1] = b[index]
                memory[3 * index + 2] = b[index]
            }
        }
        return RGBImage(width: goal.width, height: goal.height, pixels: pixels)
    }

    /// How steep the brightness is at each pixel, 0...255.
    private static func outline(_ image: RGBImage) -> [UInt8] {
        let grey = GreyImage(image).smoothed
        let (w, h) = (grey.width, grey.height)
        var result = [UInt8](repeating: 0, count: w * h)
        for y in 1..<max(h - 1, 1) {
            for x in 1..<max(w - 1, 1) {
                let (dx, dy) = (grey[x + 1, y] - grey[x - 1, y], grey[x, y + 1] - grey[x, y - 1])
                result[y * w + x] = UInt8(min(4 * (dx * dx + dy * dy).squareRoot(), 255))
            }
        }
        return result
    }

    /// Blends half of each: what stands still is sharp, what moved is double.
    package static func blend(_ goal: RGBImage, _ live: RGBImage) -> RGBImage {
        combined(goal, live) { a, b in
            (UInt8((Int(a.0) + Int(b.0)) / 2), UInt8((Int(a.1) + Int(b.1)) / 2), UInt8((Int(a.2) + Int(b.2)) / 2))
        }
    }

    /// The difference of both, from black (the same) over red to yellow and white (very different).
    package static func difference(_ goal: RGBImage, _ live: RGBImage) -> RGBImage {
        combined(goal, live) { a, b in
            let most = max(abs(Int(a.0) - Int(b.0)), abs(Int(a.1) - Int(b.1)), abs(Int(a.2) - Int(b.2)))
            let heat = min(3 * most, 3 * 255)
            return (UInt8(min(heat, 255)), UInt8(min(max(heat - 255, 0), 255)), UInt8(min(max(heat - 510, 0), 255)))
        }
    }

    private static func combined(
        _ goal: RGBImage, _ live: RGBImage,
        _ combine: ((UInt8, UInt8, UInt8), (UInt8, UInt8, UInt8)) -> (UInt8, UInt8, UInt8)
    ) -> RGBImage {
        let (first, second) = (goal.pixels, live.pixels)
        let pixels = SharedBytes(count: first.count) { (memory) throws(Never) in
            let (a, b) = (first.bytes, second.bytes)
            for index in stride(from: 0, to: first.count, by: 3) {
                let colour = combine((a[index], a[index + 1], a[index + 2]), (b[index], b[index + 1], b[index + 2]))
                memory[index] = colour.0
                memory[index + 1] = colour.1
                memory[index + 2] = colour.2
            }
        }
        return RGBImage(width: goal.width, height: goal.height, pixels: pixels)
    }
}
