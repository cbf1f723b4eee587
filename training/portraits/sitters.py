"""The people of the gallery: which group of faces each is, and what is invented, skin, hair and clothes."""

from dataclasses import dataclass

from training.portraits.proportions import Proportions

Colour = tuple[int, int, int]  # BGR


@dataclass(frozen=True)
class Sitter:
    """A person: the group of faces that look like it, and how it is painted.

    Attributes:
        group: The index of the group of faces.
        skin: The colours of skin in shadow, in between and in light.
        hair: The colour of the hair.
        style: "long", "curtain", "bob", "short", "receding" or "curls".
        cloth: The colour of the clothes.
        collar: "round", "high" or "shirt".
        backdrop: The colour behind.
        head: The half width, half height and centre's height of the face that is shown, in px of the canvas,
            and the share by which it is narrower at the chin.
        proportions: Where its features are, against the average's.
        bare_forehead: Whether the forehead is painted plain, because fringes throw a shadow on the average's.
    """

    group: int
    skin: tuple[Colour, Colour, Colour]
    hair: Colour
    style: str
    cloth: Colour
    collar: str
    backdrop: Colour
    head: tuple[float, float, float, float]
    proportions: Proportions
    bare_forehead: bool = False


SITTERS = (
    Sitter(2, ((16, 20, 34), (82, 104, 168), (176, 202, 244)), (24, 36, 66), "long",
           (104, 92, 40), "high", (96, 90, 110), (80, 114, 131, 0.04),
           Proportions(-3.0, 3.5, -1.0, -3.0, 1.5, 4.5)),
    Sitter(7, ((16, 18, 30), (76, 102, 164), (166, 196, 240)), (20, 26, 38), "short",
           (58, 66, 112), "round", (116, 98, 60), (78, 114, 132, 0.12),
           Proportions(-1.0, 4.0, 3.5, -3.0, 0.5, 2.0)),
    Sitter(4, ((14, 14, 26), (84, 104, 170), (182, 206, 246)), (18, 16, 22), "curtain",
           (66, 44, 128), "high", (92, 100, 70), (78, 109, 135, 0.06),
           Proportions(5.0, -4.5, 0.0, 1.0, 2.0, -5.0)),
    Sitter(0, ((22, 26, 44), (86, 110, 172), (174, 202, 242)), (118, 122, 126), "receding",
           (96, 78, 50), "shirt", (92, 108, 78), (77, 114, 133, 0.12),
           Proportions(3.0, 3.0, 0.5, -1.0, 1.5, 2.0)),
    Sitter(5, ((8, 11, 20), (36, 56, 104), (98, 132, 188)), (14, 15, 18), "curls",
           (64, 128, 176), "round", (86, 104, 132), (79, 115, 132, 0.12),
           Proportions(1.0, 3.5, -3.5, 0.5, -2.0, 2.0)),
    Sitter(8, ((26, 32, 50), (98, 126, 192), (194, 218, 250)), (86, 122, 152), "bob",
           (92, 84, 128), "round", (120, 116, 84), (76, 114, 131, 0.10),
           Proportions(2.0, 3.5, 3.0, 2.5, 0.0, 2.5), bare_forehead=True),
)  # fmt: skip
