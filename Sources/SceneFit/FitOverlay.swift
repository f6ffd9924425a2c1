import Images

/// Pictures that show how a goal and a live picture differ, good enough to put a camera back by hand.
package enum FitOverlay {
    /// Goal, live, both laid over each other, and where they differ (bright is much).
    /// - Returns: nil when the pictures are of different sizes.
    package static func sheet(goal: RGBImage, live: RGBImage) -> RGBImage? {
        guard goal.width == live.width, goal.height == live.height else { return nil }
        return .tiled([goal, live, blend(goal, live), difference(goal, live)], columns: 4)
    }

    /// Half of each: what stands still is sharp, what moved is double.
    package static func blend(_ goal: RGBImage, _ live: RGBImage) -> RGBImage {
        combined(goal, live) { a, b in (UInt8((Int(a.0) + Int(b.0)) / 2), UInt8((Int(a.1) + Int(b.1)) / 2), UInt8((Int(a.2) + Int(b.2)) / 2)) }
    }

    /// From black (the same) over red to yellow and white (very different).
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
