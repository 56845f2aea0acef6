/* SPDX-License-Identifier: Apache-2.0 */
/* geo.c - distances on the earth. */
#include "base/geo.h"

#include <math.h>

#define RADIUS_M 6371008.8
#define RADIANS (3.14159265358979323846 / 180)

/* The haversine form, which is exact also for what lies near. */
double geo_distance_m(double lat, double lon, double to_lat, double to_lon)
{
	double up = sin((to_lat - lat) * RADIANS / 2), across = sin((to_lon - lon) * RADIANS / 2);
	double a = up * up + cos(lat * RADIANS) * cos(to_lat * RADIANS) * across * across;
	return 2 * RADIUS_M * asin(sqrt(a < 1 ? a : 1));
}
