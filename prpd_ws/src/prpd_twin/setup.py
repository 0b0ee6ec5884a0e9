from setuptools import find_packages, setup

NAME = "prpd_twin"

setup(
    name=NAME,
    version="0.1.0",
    description="Stands in for arm, soil box and camera",
    author="PRPD maintainers",
    maintainer="PRPD maintainers",
    maintainer_email="prpd@example.com",
    license="Apache-2.0",
    packages=find_packages(),
    package_data={NAME: ["**/*.yaml", "**/*.json"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "ur_controller = prpd_twin.ur_controller.main:main",
            "depth_camera = prpd_twin.depth_camera.node:main",
            "soil_world = prpd_twin.soil_world.node:main",
        ],
        "prpd.commands": [],
    },
)
