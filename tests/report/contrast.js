// The contrast of every word with what is behind it, and the element that it stands in.
() => {
    const rgba = (colour) => {
        const [red, green, blue, alpha = 1] = colour.match(/[0-9.]+/g).map(Number);
        return [red, green, blue, alpha];
    };
    const light = (colour) => {
        const [r, g, b] = colour.map((each) => each / 255).map((each) =>
            each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const colour = rgba(getComputedStyle(each).backgroundColor);
            if (colour[3] === 1) return colour;
        }
        throw new Error("nothing behind");
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
        const words = [...element.childNodes].some((each) =>
            each.nodeType === 3 && each.textContent.trim());
        if (!words || !element.getClientRects().length) continue;
        const style = getComputedStyle(element);
        const inside = element instanceof SVGElement;
        const [a, b] = [light(rgba(inside ? style.fill : style.color)), light(behind(element))];
        found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
                    element.outerHTML.slice(0, 90)]);
    }
    return found;
}
