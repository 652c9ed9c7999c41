"""The ICT-FaceKit mesh, posed, shaded and rasterised."""
