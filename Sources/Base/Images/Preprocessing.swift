/// How camera images become network input. The goal image goes through the same steps as the observation.
package enum Preprocessing: String, CaseIterable, Sendable {
    /// Resizes with lanczos3 and antialias, rounded, as the data pipeline does.
    case resize
    /// Resizes likewise, then takes the centre crop that stands for the mean of the training-time random crop. The
    /// official evaluation wrapper does this to `image_primary` only.
    case resizeAndCenterCrop = "resize_and_center_crop"

    /// The plan for pictures of one camera.
    /// - Parameter camera: its name; other cameras than `primary` were not augmented by crops in training.
    package func plan(
        camera: String, fromWidth: Int, height fromHeight: Int, toWidth: Int, height toHeight: Int
    ) -> ImageResize {
        ImageResize(
            fromWidth: fromWidth, height: fromHeight, toWidth: toWidth, height: toHeight,
            cropsCentre: self == .resizeAndCenterCrop && camera == "primary")
    }
}
