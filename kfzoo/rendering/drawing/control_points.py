"""The drawn face as tables: where its control points rest, and what each channel does to them.

Everything is written once, for the subject's left half, and mirrored. Lengths are in half face heights (the eye line at
y = 0, the chin near 1.2); x runs outward from the midline, y down, z towards the viewer.
"""

from __future__ import annotations

Point = tuple[float, float, float]
Pull = tuple[str, float, float]

REST: dict[str, tuple[Point, ...]] = {
    # Outline of the head, crown to chin, and what lies around it.
    "contour": (
        (0.00, -1.18, 0.00), (0.42, -1.10, 0.00), (0.72, -0.80, 0.00), (0.83, -0.36, 0.00), (0.82, 0.08, 0.00),
        (0.765, 0.44, 0.06), (0.635, 0.78, 0.20), (0.415, 1.055, 0.36), (0.19, 1.178, 0.46), (0.00, 1.208, 0.48),
    ),
    "ear": (
        (0.76, -0.06, -0.22), (0.86, -0.15, -0.22), (0.94, -0.11, -0.22), (0.945, 0.04, -0.22), (0.90, 0.18, -0.22),
        (0.86, 0.29, -0.22), (0.79, 0.31, -0.22), (0.74, 0.14, -0.22),
    ),
    "ear_fold": ((0.835, -0.06, -0.21), (0.89, -0.06, -0.21), (0.89, 0.06, -0.21), (0.85, 0.16, -0.21)),
    "hair_cap": (
        (0.812, 0.100, 0.00), (0.895, -0.16, -0.01), (0.91, -0.50, -0.03), (0.79, -0.95, -0.05), (0.45, -1.24, -0.05),
        (0.00, -1.325, -0.05),
    ),
    "hairline": (
        (0.812, 0.100, 0.00), (0.755, -0.22, 0.06), (0.69, -0.50, 0.16), (0.53, -0.745, 0.30), (0.27, -0.865, 0.42),
        (0.00, -0.870, 0.45),
    ),
    "sheen": ((0.60, -0.99, 0.02), (0.42, -1.09, 0.05), (0.20, -1.14, 0.08), (0.00, -1.155, 0.09)),
    # Brows and eyes, from the inner to the outer end.
    "brow": (
        (0.15, -0.285, 0.52), (0.27, -0.335, 0.51), (0.41, -0.365, 0.47), (0.54, -0.34, 0.40), (0.66, -0.265, 0.30),
    ),
    "crease": (
        (0.20, -0.06, 0.46), (0.27, -0.135, 0.47), (0.375, -0.172, 0.46), (0.485, -0.145, 0.42), (0.585, -0.06, 0.36),
    ),
    "lid_top": (
        (0.185, 0.022, 0.45), (0.265, -0.082, 0.47), (0.375, -0.122, 0.46), (0.48, -0.092, 0.42),
        (0.565, -0.012, 0.36),
    ),
    "lid_bottom": (
        (0.185, 0.022, 0.45), (0.265, 0.062, 0.47), (0.375, 0.086, 0.46), (0.48, 0.062, 0.42), (0.565, -0.012, 0.36),
    ),
    "eye": ((0.375, -0.018, 0.46),),
    # Nose.
    "bridge": ((0.098, -0.14, 0.50), (0.076, -0.05, 0.52), (0.074, 0.05, 0.54), (0.084, 0.14, 0.56)),
    "wing": ((0.125, 0.285, 0.56), (0.165, 0.345, 0.54), (0.168, 0.405, 0.53), (0.128, 0.437, 0.56)),
    "nostril": ((0.030, 0.452, 0.66), (0.062, 0.432, 0.64), (0.100, 0.436, 0.60), (0.085, 0.455, 0.62)),
    "nose_base": ((0.072, 0.447, 0.66), (0.035, 0.466, 0.68), (0.00, 0.476, 0.69)),
    "nose_tip": ((0.00, 0.34, 0.76),),
    # Mouth, from the corner to the midline: outer and inner edges of both lips.
    "lip_top": ((0.272, 0.702, 0.48), (0.185, 0.662, 0.55), (0.075, 0.622, 0.62), (0.00, 0.640, 0.63)),
    "seam_top": ((0.252, 0.705, 0.48), (0.165, 0.703, 0.55), (0.075, 0.701, 0.62), (0.00, 0.705, 0.63)),
    "seam_bottom": ((0.252, 0.705, 0.48), (0.165, 0.703, 0.55), (0.075, 0.701, 0.62), (0.00, 0.705, 0.63)),
    "lip_bottom": ((0.268, 0.706, 0.48), (0.190, 0.765, 0.55), (0.092, 0.802, 0.60), (0.00, 0.808, 0.61)),
    "teeth_top": ((0.300, 0.712, 0.42), (0.190, 0.738, 0.50), (0.080, 0.760, 0.55), (0.00, 0.763, 0.56)),
    "teeth_bottom": ((0.270, 0.705, 0.42), (0.160, 0.694, 0.49), (0.070, 0.688, 0.53), (0.00, 0.686, 0.54)),
    "tongue": ((0.175, 0.840, 0.46), (0.120, 0.772, 0.50), (0.050, 0.750, 0.53), (0.00, 0.758, 0.54)),
    "philtrum": ((0.030, 0.510, 0.66), (0.036, 0.552, 0.65), (0.046, 0.598, 0.64)),
    # Lines of expression: invisible or faint at rest (see WRINKLES).
    "forehead_high": ((0.44, -0.590, 0.40), (0.26, -0.640, 0.46), (0.12, -0.640, 0.50), (0.00, -0.625, 0.51)),
    "forehead_low": ((0.38, -0.490, 0.42), (0.24, -0.520, 0.48), (0.11, -0.515, 0.52), (0.00, -0.500, 0.53)),
    "arch": ((0.34, -0.520, 0.46), (0.46, -0.535, 0.42), (0.58, -0.490, 0.36), (0.67, -0.405, 0.28)),
    "frown_line": ((0.062, -0.370, 0.54), (0.050, -0.300, 0.54), (0.056, -0.220, 0.54)),
    "nose_wrinkle": ((0.030, -0.040, 0.58), (0.070, -0.060, 0.54), (0.120, -0.030, 0.50), (0.150, 0.030, 0.47)),
    "nose_wrinkle_low": ((0.036, 0.040, 0.60), (0.076, 0.022, 0.56), (0.122, 0.050, 0.51), (0.146, 0.110, 0.48)),
    "crow_high": ((0.625, -0.045, 0.30), (0.680, -0.080, 0.25), (0.730, -0.120, 0.20)),
    "crow_low": ((0.630, 0.010, 0.30), (0.690, 0.020, 0.25), (0.740, 0.045, 0.20)),
    "bag": ((0.215, 0.110, 0.45), (0.300, 0.165, 0.45), (0.395, 0.180, 0.44), (0.500, 0.150, 0.39)),
    "cheek_line": ((0.270, 0.240, 0.46), (0.370, 0.275, 0.45), (0.480, 0.255, 0.40), (0.580, 0.180, 0.33)),
    "fold": ((0.192, 0.350, 0.52), (0.255, 0.450, 0.49), (0.312, 0.560, 0.46), (0.340, 0.680, 0.43)),
    "dimple": ((0.325, 0.640, 0.46), (0.348, 0.695, 0.45), (0.330, 0.755, 0.45)),
    "down_line": ((0.305, 0.745, 0.46), (0.325, 0.800, 0.44), (0.325, 0.865, 0.42)),
    "chin_crease": ((0.150, 0.905, 0.54), (0.080, 0.890, 0.56), (0.00, 0.886, 0.57)),
    "chin_dimple": ((0.115, 1.030, 0.52), (0.055, 0.995, 0.54), (0.00, 0.985, 0.55)),
    # Middle of a soft patch of warmth or light.
    "cheek": ((0.485, 0.390, 0.40),),
}  # fmt: skip
"""Control points of each curve at rest. A curve whose last point has x = 0 crosses the midline."""

GROUPS: dict[str, dict[str, tuple[float, ...]]] = {
    "brow inner": {"brow": (1, 0.75, 0.25, 0, 0), "frown_line": (0.6, 0.6, 0.5), "crease": (0.15, 0.12, 0.04, 0, 0)},
    "brow outer": {"brow": (0, 0.15, 0.6, 1, 0.9), "crease": (0, 0.05, 0.12, 0.16, 0.1)},
    "brow whole": {
        "brow": (1, 0.95, 0.75, 0.4, 0.15), "crease": (0.3, 0.35, 0.35, 0.2, 0), "frown_line": (0.4, 0.6, 0.8),
    },
    "forehead": {"forehead_high": (1, 1, 1, 1), "forehead_low": (1, 1, 1, 1)},
    "arch": {"arch": (0.8, 1, 1, 0.8)},
    "upper lid": {"lid_top": (0, 0.73, 1, 0.76, 0)},
    "lower lid": {"lid_bottom": (0, 0.8, 1, 0.85, 0)},
    "crease": {"crease": (0.3, 0.9, 1, 0.9, 0.3)},
    "under eye": {"bag": (0.5, 1, 1, 0.6), "cheek_line": (0.6, 1, 1, 0.7)},
    "cheek": {"cheek": (1,), "cheek_line": (0.8, 1, 1, 0.8), "fold": (0, 0.25, 0.45, 0.2)},
    "wing": {
        "wing": (0.8, 1, 1, 0.7), "nostril": (0.4, 0.7, 0.8, 0.6), "fold": (0.9, 0.5, 0.15, 0), "nose_tip": (0.25,),
    },
    "nose base": {"nose_base": (1, 1, 1)},
    "nose skin": {"nose_wrinkle": (1, 1, 1, 1), "nose_wrinkle_low": (1, 1, 1, 1), "bridge": (0.3, 0.5, 0.5, 0.5)},
    "corner": {
        "lip_top": (1, 0.50, 0.12, 0), "seam_top": (1, 0.50, 0.12, 0), "seam_bottom": (1, 0.52, 0.14, 0),
        "lip_bottom": (1, 0.56, 0.15, 0), "fold": (0, 0.14, 0.48, 0.72), "dimple": (0.8, 1, 0.8),
        "down_line": (0.8, 0.6, 0.4),
    },
    "purse": {
        "lip_top": (1, 0.62, 0.28, 0), "seam_top": (1, 0.58, 0.26, 0), "seam_bottom": (1, 0.58, 0.26, 0),
        "lip_bottom": (1, 0.66, 0.30, 0), "fold": (0, 0.1, 0.35, 0.6), "dimple": (0.8, 1, 0.8),
        "down_line": (0.8, 0.6, 0.4),
    },
    "upper lip": {"lip_top": (0.1, 0.8, 1, 1), "seam_top": (0.1, 0.8, 1, 1), "philtrum": (0.2, 0.5, 1)},
    "lower lip": {"lip_bottom": (0.1, 0.8, 1, 1), "seam_bottom": (0.1, 0.8, 1, 1), "chin_crease": (0.4, 0.4, 0.4)},
    "upper edge": {"lip_top": (0, 0.8, 1, 1), "philtrum": (0, 0.4, 1)},
    "upper seam": {"seam_top": (0, 0.75, 1, 1)},
    "lower edge": {"lip_bottom": (0, 0.8, 1, 1), "chin_crease": (0.3, 0.3, 0.3)},
    "lower seam": {"seam_bottom": (0, 0.75, 1, 1)},
    # Lips that stand out hide the teeth behind them.
    "upper teeth": {"teeth_top": (1, 1, 1, 1)},
    "lower teeth": {"teeth_bottom": (1, 1, 1, 1)},
    "jaw": {
        "contour": (0, 0, 0, 0, 0, 0.12, 0.46, 0.88, 1, 1), "lip_bottom": (0.22, 0.76, 0.97, 1),
        "seam_bottom": (0.2, 0.75, 0.98, 1.02), "lip_top": (0.2, 0.03, 0, 0), "seam_top": (0.2, 0.02, 0, 0),
        "teeth_bottom": (0.9, 1, 1, 1), "tongue": (0.86, 0.86, 0.86, 0.86), "chin_crease": (0.95, 1, 1),
        "chin_dimple": (1, 1, 1), "fold": (0, 0, 0.1, 0.25), "dimple": (0.15, 0.25, 0.3), "down_line": (0.4, 0.6, 0.7),
    },
    "cheek contour": {"contour": (0, 0, 0, 0, 0.22, 0.9, 0.95, 0.35, 0, 0)},
    "chin": {"contour": (0, 0, 0, 0, 0, 0, 0.1, 0.5, 1, 1), "chin_dimple": (1, 1, 1), "chin_crease": (0.7, 0.7, 0.7)},
    "mouth": {
        "lip_top": (1, 1, 1, 1), "seam_top": (1, 1, 1, 1), "seam_bottom": (1, 1, 1, 1), "lip_bottom": (1, 1, 1, 1),
        "philtrum": (0.2, 0.5, 0.9), "fold": (0.05, 0.3, 0.6, 0.7), "dimple": (0.9, 0.9, 0.9),
        "down_line": (0.8, 0.8, 0.7),
        "chin_crease": (0.5, 0.5, 0.5), "tongue": (0.5, 0.5, 0.5, 0.5), "nose_base": (0.05, 0.05, 0.05),
    },
}  # fmt: skip
"""Control points that move together: the share of a pull that each point of a curve follows."""

MOVES: dict[str, tuple[Pull, ...]] = {
    "BrowDown": (("brow whole", -0.025, 0.095), ("crease", 0.0, 0.025), ("nose skin", 0.0, 0.015)),
    "BrowInnerUp": (("brow inner", -0.012, -0.135), ("forehead", 0.0, -0.035)),
    "BrowOuterUp": (("brow outer", 0.008, -0.135), ("arch", 0.0, -0.04)),
    "EyeBlink": (("upper lid", 0.0, 0.200), ("lower lid", 0.0, -0.008), ("crease", 0.0, 0.060)),
    "EyeSquint": (
        ("lower lid", 0.0, -0.070), ("upper lid", 0.0, 0.045), ("under eye", 0.0, -0.030), ("crease", 0.0, 0.02),
    ),
    "EyeWide": (("upper lid", 0.0, -0.070), ("lower lid", 0.0, 0.020), ("crease", 0.0, -0.045)),
    "CheekSquint": (
        ("cheek", 0.0, -0.060), ("lower lid", 0.0, -0.045), ("under eye", 0.0, -0.040), ("corner", 0.0, -0.012),
    ),
    "CheekPuff": (
        ("cheek contour", 0.085, 0.015), ("corner", -0.025, 0.0), ("cheek", 0.05, 0.12), ("upper edge", 0.0, 0.010),
    ),
    "NoseSneer": (
        ("wing", 0.012, -0.060), ("nose skin", 0.0, -0.020), ("nose base", 0.0, -0.012), ("upper lip", 0.0, -0.030),
        ("brow inner", 0.0, 0.030), ("under eye", 0.0, -0.015),
    ),
    "JawOpen": (("jaw", 0.0, 0.340), ("corner", -0.030, 0.0), ("cheek contour", -0.025, 0.0)),
    "JawForward": (("chin", 0.035, 0.055), ("lower lip", 0.0, -0.022), ("lower edge", 0.0, 0.035)),
    "MouthClose": (("lower lip", 0.0, -0.300), ("upper lip", 0.0, 0.042), ("corner", 0.0, -0.030)),
    "MouthFunnel": (
        ("purse", -0.105, 0.0), ("upper seam", 0.0, -0.040), ("lower seam", 0.0, 0.085), ("upper edge", 0.0, -0.042),
        ("lower edge", 0.0, 0.090), ("cheek contour", -0.025, 0.0), ("upper teeth", 0.0, -0.080),
        ("lower teeth", 0.0, 0.090),
    ),
    "MouthPucker": (
        ("purse", -0.140, 0.0), ("upper edge", 0.0, -0.022), ("lower edge", 0.0, 0.022),
        ("cheek contour", -0.035, 0.0), ("upper teeth", 0.0, -0.030), ("lower teeth", 0.0, 0.060),
    ),
    "MouthSmile": (
        ("corner", 0.085, -0.105), ("upper edge", 0.0, 0.012), ("lower edge", 0.0, -0.008), ("cheek", 0.015, -0.045),
        ("lower lid", 0.0, -0.012), ("cheek contour", 0.015, 0.0), ("under eye", 0.0, -0.015),
    ),
    "MouthFrown": (("corner", 0.012, 0.085), ("lower lip", 0.0, -0.006), ("upper seam", 0.0, -0.004)),
    "MouthDimple": (("corner", 0.060, -0.012), ("upper edge", 0.0, 0.012), ("lower edge", 0.0, -0.012)),
    "MouthStretch": (
        ("corner", 0.095, 0.035), ("upper edge", 0.0, 0.010), ("lower seam", 0.0, 0.030), ("lower edge", 0.0, 0.012),
        ("cheek contour", 0.012, 0.01),
    ),
    "MouthRollUpper": (("upper edge", 0.0, 0.048), ("upper seam", 0.0, 0.012)),
    "MouthRollLower": (("lower edge", 0.0, -0.068), ("lower seam", 0.0, -0.012)),
    "MouthShrugUpper": (("upper lip", 0.0, -0.045), ("lower seam", 0.0, -0.035), ("nose base", 0.0, -0.008)),
    "MouthShrugLower": (
        ("lower lip", 0.0, -0.062), ("upper lip", 0.0, -0.030), ("corner", 0.0, 0.020), ("chin", 0.0, -0.040),
    ),
    "MouthPress": (("upper edge", 0.0, 0.026), ("lower edge", 0.0, -0.038), ("corner", 0.018, -0.004)),
    "MouthLowerDown": (("lower lip", 0.020, 0.092), ("lower edge", 0.0, -0.012), ("corner", 0.010, 0.020)),
    "MouthUpperUp": (
        ("upper lip", 0.012, -0.088), ("upper edge", 0.0, 0.016), ("corner", 0.0, -0.015), ("wing", 0.0, -0.015),
    ),
    "Mouth": (("corner", 0.020, -0.030), ("cheek contour", 0.015, 0.0)),
    "TongueOut": (("lower lip", 0.0, 0.035), ("lower seam", 0.0, 0.030), ("corner", -0.020, 0.0)),
}  # fmt: skip
"""What each channel at 1.0 pulls: (group, outward, down). A name without its side moves its own half of the face."""

SIDEWAYS: dict[str, tuple[Pull, ...]] = {
    "Jaw": (("jaw", 0.110, 0.0),),
    "Mouth": (("mouth", 0.115, 0.0), ("chin", 0.015, 0.0)),
}
"""What `JawLeft`, `MouthLeft` and their opposites move on both halves at once: (group, to that side, down)."""

WRINKLES: dict[str, tuple[float, float, dict[str, float]]] = {
    "forehead_high": (0.016, 0.0, {"BrowInnerUp": 0.55, "BrowOuterUp": 0.10}),
    "forehead_low": (0.016, 0.0, {"BrowInnerUp": 0.65}),
    "arch": (0.016, 0.0, {"BrowOuterUp": 0.65}),
    "frown_line": (0.018, 0.0, {"BrowDown": 0.90, "NoseSneer": 0.15}),
    "nose_wrinkle": (0.016, 0.0, {"NoseSneer": 0.85}),
    "nose_wrinkle_low": (0.016, 0.0, {"NoseSneer": 0.75}),
    "crow_high": (0.014, 0.0, {"CheekSquint": 0.45, "EyeSquint": 0.45, "EyeBlink": 0.10}),
    "crow_low": (0.014, 0.0, {"CheekSquint": 0.55, "EyeSquint": 0.35}),
    "bag": (0.014, 0.10, {"EyeSquint": 0.65, "CheekSquint": 0.25}),
    "cheek_line": (0.016, 0.0, {"CheekSquint": 0.75, "NoseSneer": 0.15}),
    "fold": (
        0.022, 0.0,
        {"MouthSmile": 0.60, "NoseSneer": 0.45, "MouthUpperUp": 0.40, "CheekSquint": 0.20, "MouthDimple": 0.1},
    ),
    "dimple": (0.020, 0.0, {"MouthDimple": 0.95, "MouthSmile": 0.30, "MouthStretch": 0.40, "MouthPress": 0.35}),
    "down_line": (0.018, 0.0, {"MouthFrown": 0.70, "MouthStretch": 0.15, "MouthLowerDown": 0.25}),
    "chin_crease": (
        0.020, 0.25, {"MouthShrugLower": 0.60, "MouthFrown": 0.10, "JawForward": 0.30, "MouthRollLower": 0.15},
    ),
    "chin_dimple": (0.018, 0.0, {"MouthShrugLower": 0.60}),
}  # fmt: skip
"""Lines of expression: largest width, strength at rest, and what each channel adds to the strength (1 is full)."""
