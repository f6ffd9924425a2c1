import Files
import Images

extension RGBImage {
    /// The picture with red and blue in each other's place, as a camera gives it whose driver has them the other way
    /// round.
    package var withChannelsSwapped: RGBImage {
        let swapped = SharedBytes(count: pixels.count) { (memory) throws(Never) in
            let source = pixels.bytes
            for pixel in stride(from: 0, to: source.count, by: 3) {
                memory[pixel] = source[pixel + 2]
                memory[pixel + 1] = source[pixel + 1]
                memory[pixel + 2] = source[pixel]
            }
        }
        return RGBImage(width: width, height: height, pixels: swapped)
    }

    /// The picture after it was a JPEG file of this quality, 1...100.
    package func throughJPEG(quality: Int) throws(ImageError) -> RGBImage {
        try RGBImage(decoding: jpegData(quality: quality), source: "a goal image as JPEG")
    }

    /// The picture with the change of the picture itself; what changes in the world is not done here.
    func changed(by change: GoalChange) throws(ImageError) -> RGBImage {
        switch change.axis {
        case .channelsSwapped: withChannelsSwapped
        case .jpeg: try throughJPEG(quality: min(max(100 - Int(change.value), 1), 100))
        case .cameraShift, .cameraTurn, .cameraZoom, .cameraOrbit, .darker, .brighter, .objectMoved, .objectColour,
            .armAway,
            .distractorAdded, .distractorMoved, nil:
            self
        }
    }
}
